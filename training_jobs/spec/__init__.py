"""The training specification: everything that determines a training run, frozen, checked, and named by its digest.

`shape.py` holds the values, `templates.py` the formats of turns, `payload.py` the one parser from a proposal's payload,
`reading.py` how single values are read and refused, `cost.py` the estimate of what a run takes, `changes.py` what
differs between two specifications.
Pure: standard library and `governance.evidence` only. It does not know whether the base or the datasets exist; who
executes the proposal looks that up. What follows is refused, because a vote must settle all of it: keys that are not
understood, values that point outside (paths, addresses), code to be run, inputs that can change after the vote, parts
that contradict each other, and work nobody could pay.

Error codes (`SpecError.code`):

    spec_forbidden_key   a key that would load code: trust_remote_code, auto_map, *attn_implementation*, custom_*
    path_forbidden       a path where a name belongs, or any key that names an output folder or a path
    url_forbidden        an address where a digest or a name belongs, or any key that names one
    spec_unknown_key     a key this version of the specification does not have
    revision_not_pinned  a base revision that is not a commit of 40 hex characters
    malformed_field      a value of the wrong type or form, or one that is missing
    value_out_of_range   a well-formed value outside what is allowed, or one that another part of the payload rules out
    budget_exceeded      more work than the approved budget pays for

Wrong in several ways, a payload gets the first of: dangerous keys anywhere, unknown or missing keys, fields in order.
"""

from training_jobs.spec.changes import Change, difference
from training_jobs.spec.cost import TOKENS_PER_DEVICE_SECOND, Estimate, estimate, require_within_budget
from training_jobs.spec.payload import DEFAULTS, DEVICE_SECONDS_MAX, from_payload
from training_jobs.spec.reading import FOUND_CHARACTERS_MAX, SpecError
from training_jobs.spec.shape import (
    AGGREGATIONS,
    METHODS,
    OBJECTIVES,
    ON_ONE_SITE,
    OPTIMIZERS,
    PRECISIONS,
    ROWS,
    SCHEDULES,
    SPEC_VERSION,
    STRATEGIES,
    BaseModel,
    DatasetUse,
    Lora,
    Money,
    Preference,
    Topology,
    TrainingSpec,
    decimal_text,
)
from training_jobs.spec.templates import TEMPLATES, Template

__all__ = [
    "AGGREGATIONS",
    "DEFAULTS",
    "DEVICE_SECONDS_MAX",
    "FOUND_CHARACTERS_MAX",
    "METHODS",
    "OBJECTIVES",
    "ON_ONE_SITE",
    "OPTIMIZERS",
    "PRECISIONS",
    "ROWS",
    "SCHEDULES",
    "SPEC_VERSION",
    "STRATEGIES",
    "TEMPLATES",
    "TOKENS_PER_DEVICE_SECOND",
    "BaseModel",
    "Change",
    "DatasetUse",
    "Estimate",
    "Lora",
    "Money",
    "Preference",
    "SpecError",
    "Template",
    "Topology",
    "TrainingSpec",
    "decimal_text",
    "difference",
    "estimate",
    "from_payload",
    "require_within_budget",
]
