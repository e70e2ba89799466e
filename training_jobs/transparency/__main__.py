"""Command line: `python -m training_jobs.transparency LOG.jsonl [LOG.jsonl …]`. Needs no Django, network or account.

Computes the figures of the compute commons from public logs that were downloaded, and writes them or compares them with
those that a site publishes. Several logs give the figures of a whole site; a log's name is that of its file.

Exit status: 0 when written, or the same; 1 when the published figures differ (the first row that does is named), 2 when
something cannot be read. What the log's root is goes to standard error: compare it with a signed checkpoint.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from governance.errors import Malformed, Refusal
from governance.evidence.terminal import printable
from training_jobs.transparency import downloaded, feed
from training_jobs.transparency.figures import Figures, figures, figures_of_many

EXIT_SAME, EXIT_DIFFERS, EXIT_UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute, then write or compare; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training_jobs.transparency", description="The figures of the compute commons, from public logs."
    )
    parser.add_argument("logs", type=Path, nargs="+", metavar="LOG", help="a downloaded log (JSON lines)")
    parser.add_argument("--format", choices=[*feed.FORMATS], help="default: as the file is called, else json")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write (default: standard output)")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="published figures: are they the same?")
    options = parser.parse_args(arguments)
    form = options.format or _form_of(options.compare or options.output)
    try:
        found = _figures(options.logs)
        if options.compare:
            return _compare(found, options.compare, form)
        data = feed.written(found, form)
        if options.output:
            options.output.write_bytes(data)
        else:
            sys.stdout.buffer.write(data)
    except (Refusal, OSError, ValueError) as error:  # ValueError: a path that no file can have
        _say(f"cannot be read: {error}")
        return EXIT_UNREADABLE
    return EXIT_SAME


def _figures(paths: Sequence[Path]) -> Figures:
    logs = {}
    for path in paths:
        with path.open("rb") as stream:
            read = downloaded.read(stream)
        if path.stem in logs:
            raise Malformed("malformed_log", "two logs have the same name", found=path.stem)
        _say(f"{path.name}: {read.log.size} entries, root {read.root}")
        logs[path.stem] = read.log
    return figures(next(iter(logs.values()))) if len(logs) == 1 else figures_of_many(logs)


def _form_of(path: Path | None) -> str:
    suffix = path.suffix.removeprefix(".").lower() if path else ""
    return suffix if suffix in feed.FORMATS else "json"


def _compare(found: Figures, path: Path, form: str) -> int:
    published = feed.read(path.read_bytes(), form)
    for number, (computed, said) in enumerate(zip_longest(feed.rows_of(found), published), start=1):
        if computed != said:
            _say(f"row {number} differs: published {_words(said)}, computed {_words(computed)}")
            return EXIT_DIFFERS
    print(f"The same: {len(published)} rows.")
    return EXIT_SAME


def _words(row: feed.Row | None) -> str:
    return "nothing" if row is None else " ".join(str(value) for value in row.values() if value is not None)[:300]


def _say(text: str) -> None:
    print(printable(text, sys.stderr.encoding), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
