"""The table of publication targets. A new target is one file beside this one and one line here.

Targets are classes: what each needs to work (a folder, a token) is given by the settings when it is created.
"""

from models_registry.publishing.base import Publication, PublishError, Target
from models_registry.publishing.hub import HubTarget
from models_registry.publishing.huggingface import HuggingFaceTarget

__all__ = ["TARGETS", "HubTarget", "HuggingFaceTarget", "Publication", "PublishError", "Target"]

TARGETS: dict[str, type[HubTarget | HuggingFaceTarget]] = {
    HubTarget.name: HubTarget,
    HuggingFaceTarget.name: HuggingFaceTarget,
}
