"""DiLoCoX (arXiv 2506.21263): DiLoCo with compressed payloads, and averages that travel while the next round trains.

The four parts of the paper, and where they are: dual optimiser policy (inner AdamW on every member, outer Nesterov,
each member holding its own state: `diloco`, `lowcomm.outer`); one-step-delay overlap (`diloco`, `lowcomm.history`);
adaptive gradient compression (`lowcomm.compression`, `lowcomm.pace`). The fourth, pipeline stages inside a site, is so
far a strategy of its own (`pipeline`): among sites, each site is one device.
"""

from typing import ClassVar

from training_jobs.trainer.strategies.diloco import Diloco


class Dilocox(Diloco):
    """The same rounds; the topology says rank, bits, delay and whether they adapt."""

    name: ClassVar[str] = "dilocox"
    label: ClassVar[str] = "Several sites over slow links"
    description: ClassVar[str] = "As diloco, with compressed exchanges that run while the sites go on training."
