"""Personal data among the rows: addresses, telephone numbers, accounts, cards, national identity numbers."""

from models_registry.datasets.scans import personal
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan, undisguised
from models_registry.datasets.scans.gathering import Gathering


def search(rows: Rows, _context: Context) -> Findings:
    """Find what identifies a person; count and locate it, and show nothing that could be private."""
    gathered = Gathering(private=True)
    for line, row in enumerate(rows, start=1):
        for name, text in row.items():
            plain = undisguised(text)
            for span in personal.spans(plain):
                gathered.add(line, span.kind, plain, span.start, span.end, field=name)
    return gathered.findings("nothing")


SCAN = Scan(
    name="personal_data",
    version=2,
    label="Personal data",
    description="No e-mail address, telephone number, network address, bank account, payment card or identity number.",
    blind_to=(
        "Names, street addresses, what only context reveals about a life, and numbers without a form that machines "
        "agree on."
    ),
    blocks=True,
    search=search,
)
