"""Keys, tokens and passwords among the rows: any reader could use them, and a model would repeat them."""

from models_registry.datasets.scans import secret_forms
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan, undisguised
from models_registry.datasets.scans.gathering import Gathering


def search(rows: Rows, _context: Context) -> Findings:
    """Find what opens a door; count and locate it, never quote it."""
    gathered = Gathering(private=True)
    for line, row in enumerate(rows, start=1):
        for name, text in row.items():
            plain = undisguised(text)
            for span in secret_forms.spans(plain):
                gathered.add(line, span.kind, plain, span.start, span.end, field=name)
    return gathered.findings("nothing")


SCAN = Scan(
    name="secrets",
    version=1,
    label="Secrets",
    description="No access key, token, private key or password.",
    blind_to=(
        "Passwords made of ordinary words, recovery phrases, keys of services whose form it does not know, and secrets "
        "that are encoded or split; the digest of a transaction looks like a private key to it."
    ),
    blocks=True,
    search=search,
)
