"""Slurs, insults and threats, and sentences that say something bad of a whole group: a scorer with word lists."""

from models_registry.datasets.kinds import KINDS, kind_of, texts_of
from models_registry.datasets.scans import lexicon, stereotypes
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan, undisguised
from models_registry.datasets.scans.gathering import Gathering


def search(rows: Rows, _context: Context) -> Findings:
    """Find words and phrases of the lists, also disguised, and generalisations about groups of people."""
    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        for name, text in zip(KINDS[str(kind_of(row))], texts_of(row), strict=True):
            plain = undisguised(text)
            for module in (lexicon, stereotypes):
                for span in module.spans(plain):
                    gathered.add(line, span.kind, plain, span.start, span.end, field=name)
    return gathered.findings("no_listed_word")


SCAN = Scan(
    name="harmful_language",
    version=1,
    label="Harmful language",
    description="No slurs, insults, threats or generalisations about groups, by lists in English and French.",
    blind_to=(
        "Contempt in polite words, irony, other languages, and the difference between using a slur and speaking about "
        "it: readers must judge the samples."
    ),
    blocks=False,
    search=search,
    # A suite asks for harm on purpose, to see what a model does.
    applies=lambda context: context.role == "training",
)
