"""`python -m frontend.messages`: compile the message catalogues (.po) to what Django reads (.mo). Needs no gettext."""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parent / "locale"


def main() -> int:
    """Compile every catalogue beside its source."""
    for source in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        with source.open("rb") as handle:
            catalogue = read_po(handle)
        with source.with_suffix(".mo").open("wb") as handle:
            write_mo(handle, catalogue)
    return 0


if __name__ == "__main__":
    sys.exit(main())
