"""Which decisions are about a model: those that train it, stop it, go back with it, or bind it alone. Reads only."""

from django.db.models import Q

from governance.models import Community
from models_registry.models import Model


def decisions_about(community: Community, model: str) -> frozenset[int]:
    """Return the numbers (of the database) of submitted proposals that are about a model, named "namespace/name"."""
    namespace, _slash, name = model.partition("/")
    if not Model.objects.filter(community=community, namespace=namespace, name=name).exists():
        return frozenset()
    about = Q(payload__model=model) | Q(payload__spec__base__model=model) | Q(payload__scope=name)
    return frozenset(community.proposals.submitted().filter(about).values_list("pk", flat=True))


def model_names(community: Community) -> list[str]:
    """Return the names of a community's models."""
    return [str(model) for model in Model.objects.filter(community=community).order_by("id")]
