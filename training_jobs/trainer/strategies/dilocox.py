"""DiLoCoX (arXiv 2506.21263): DiLoCo with compressed payloads, and averages that travel while the next round trains.

The four parts of the paper, and where they are: dual optimiser policy (inner AdamW on every device, outer Nesterov:
`diloco`, `lowcomm.outer`); one-step-delay overlap (`diloco`, `lowcomm.history`); adaptive gradient compression
(`lowcomm.compression`, `lowcomm.pace`); pipeline stages inside a site (`pipeline`, `crew`).

Two deviations in the last. Each device holds weights, inner state, start of the round and errors of its own layers; but
the outer state is the first one's, in main memory, where the paper has each device hold its part: `crew` says why. And
a site is one pipeline; several side by side, as in the paper's example, there are not.
"""

from typing import ClassVar

from training_jobs.trainer.strategies.diloco import Diloco


class Dilocox(Diloco):
    """The same rounds; the topology says rank, bits, delay and whether they adapt."""

    name: ClassVar[str] = "dilocox"
    label: ClassVar[str] = "Several sites over slow links"
    description: ClassVar[str] = "As diloco, with compressed exchanges that run while the sites go on training."
