"""What the dataset's licence asks of those who pass it on, beside the licences under which the models are published.

Whether a model is a work derived from its training data is disputed, so that this warns and the community decides. The
careful reading is taken: a model passes on what it learnt.
"""

from models_registry.datasets.scans.base import Context, Findings, Rows, Sample, Scan
from models_registry.datasets.scans.licence import ATTRIBUTION, FREE, SHARE_ALIKE, TERMS, allowed_ways

# The models' licences (in small letters, as hubs write them) that keep a share-alike licence: itself, and those that it
# names as compatible. The licences of databases (ODbL 1.0, 4.5 b; CDLA-Sharing-1.0, 3.5) leave free what is made by
# using the data and does not hold it.
SHARE_ALIKE_KEPT: dict[str, frozenset[str] | None] = {
    "CC-BY-SA-4.0": frozenset({"cc-by-sa-4.0", "gpl-3.0", "gpl-3.0-only", "gpl-3.0-or-later"}),
    "CDLA-Sharing-1.0": None,
    "ODbL-1.0": None,
}
# A model under one of these lets everybody drop the names that the data's licence asks to keep.
WITHOUT_ATTRIBUTION = frozenset({"0bsd", "cc0-1.0", "mit-0", "pddl-1.0", "unlicense"})


def search(_rows: Rows, context: Context) -> Findings:
    """Compare the licence with that of every model of the community, in the way to comply that fits best."""
    samples = []
    for model in sorted(set(context.model_licences)):
        clashes = min(
            (
                [clash for name in sorted(way) if (clash := _clash(name, model))]
                for way in allowed_ways(context.licence)
            ),
            key=len,
            default=[],
        )
        samples += [Sample(0, what, found=name, after=f" → {model}") for what, name in clashes]
    if not samples:
        models = ", ".join(sorted(set(context.model_licences)))
        return Findings(0, "licence_fits", {"licence": context.licence, "models": models})
    kinds = {sample.what: sum(other.what == sample.what for other in samples) for sample in samples}
    told = "; ".join(f"{sample.found}{sample.after}" for sample in samples)
    return Findings(len(samples), "licence_clashes", {"clashes": told}, tuple(samples), kinds)


def _clash(name: str, model: str) -> tuple[str, str] | None:
    if TERMS[name] == SHARE_ALIKE:
        kept = SHARE_ALIKE_KEPT[name]
        return (SHARE_ALIKE, name) if kept is not None and model.lower() not in kept else None
    return (ATTRIBUTION, name) if TERMS[name] != FREE and model.lower() in WITHOUT_ATTRIBUTION else None


SCAN = Scan(
    name="licence_fit",
    version=1,
    label="Licence beside the models’",
    description="What the licence asks (names, the same licence again) is kept by the licences of the models.",
    blind_to="Rights that no licence settles (database rights, privacy, trade marks), and what a court would say.",
    blocks=False,
    search=search,
    applies=lambda context: bool(context.model_licences and allowed_ways(context.licence)),
)
