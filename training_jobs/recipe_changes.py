"""What a proposed model update does otherwise than the recipe of the version it starts from. Reads only."""

from dataclasses import dataclass

from governance.models import Proposal
from models_registry.models import Dataset, Version
from training_jobs import spec as specs
from training_jobs import spec_words
from training_jobs.models import Run
from training_jobs.spec import Change


@dataclass(frozen=True)
class RecipeChanges:
    """The version that an update starts from, the run that made it, and each change with its sentence."""

    base: Version
    run: Run
    changes: tuple[tuple[Change, str], ...]


def against_base(proposal: Proposal) -> RecipeChanges | None:
    """Compare with the recipe of the base version; None when it is no model update, or no run here made its base.

    The base is not listed as a change: that an update starts from another version than its base did is how it is.
    """
    if proposal.kind != "model_update":
        return None
    new = specs.from_payload(proposal.payload["spec"])
    run = (
        Run.objects.select_related("version__model", "spec_record")
        .filter(community=proposal.community_id, version__revision=new.base.revision)
        .first()
    )
    if run is None or run.version is None:
        return None
    old = specs.from_payload(run.spec_record.body)
    found = [change for change in specs.difference(old, new) if change.field != "base"]
    digests = {use.digest for spec in (old, new) for use in spec.datasets} | {old.suite, new.suite}
    known = Dataset.objects.filter(community=proposal.community_id, digest__in=digests)
    titles = dict(known.values_list("digest", "title"))
    sentences = tuple((change, spec_words.sentence(change, titles)) for change in found)
    return RecipeChanges(run.version, run, sentences)
