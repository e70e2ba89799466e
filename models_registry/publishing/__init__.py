"""The table of publication targets. A new target is one file beside this one and one line here.

Targets are classes: what each needs to work (a folder, a token) is given by the settings when it is created.
"""

from models_registry.publishing.base import Permit, Publication, PublishError, Target
from models_registry.publishing.folder import FolderTarget
from models_registry.publishing.hub import HubTarget
from models_registry.publishing.huggingface import HuggingFaceTarget
from models_registry.publishing.s3 import S3Target

__all__ = [
    "TARGETS",
    "FolderTarget",
    "HubTarget",
    "HuggingFaceTarget",
    "Permit",
    "Publication",
    "PublishError",
    "S3Target",
    "Target",
]

TARGETS: dict[str, type[Target]] = {
    HubTarget.name: HubTarget,
    HuggingFaceTarget.name: HuggingFaceTarget,
    FolderTarget.name: FolderTarget,
    S3Target.name: S3Target,
}
