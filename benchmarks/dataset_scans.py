"""What each dataset scan finds of what was planted, its false alarms, its time and its memory.

    python -m benchmarks.dataset_scans [--rows 50000] [--seed scans] [--scan NAME …] [--check]
    python -m benchmarks.dataset_scans --poison 25 250 [--poison-seed 2] [--poison-corpus manual]

Clean rows are generated, cases for every scan are planted among them, and the corpus lies in a file as intake keeps it.
Each scan runs in a process of its own over that file, alone on one core. Recall is the part of the planted rows of a
kind on whose line the scan found something (of a copy: on its line or that of the row that it repeats); a false alarm
is a finding on a line where nothing was planted for any scan. Kinds marked "held out" show what a scan misses by
design. Prints Markdown tables; `--check` exits with 1 above two minutes in all.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks._clean_rows import Row, clean_rows
from benchmarks._planted_rows import Case, Material, plant_all
from benchmarks._poison_table import CORPORA, table_of_poison
from models_registry.datasets.canonical import CanonicalRows
from models_registry.datasets.scans import SCANS, Context, OtherDataset
from models_registry.datasets.scans.licence import allowed_ways

ROOT = Path(__file__).resolve().parents[1]
SECONDS_MAX = 120
INCLUDED_ROWS = 5_000
SUITE_ROWS = 240
# The scans that are measured here; those of poison have their own corpus and table.
OWN = (
    *("schema_and_languages", "languages", "licence", "licence_fit", "licence_traces", "personal_data", "secrets"),
    *("hidden_characters", "confusable_letters", "contamination", "shared_passages", "harmful_language"),
    *("exact_duplicates", "near_duplicates", "answers"),
)
# Licences as people write them, and whether an open commons may take them.
LICENCES = {
    "CC-BY-4.0": True,
    "CC0-1.0": True,
    "MIT": True,
    "MIT OR CC-BY-NC-4.0": True,
    "(MIT AND CC-BY-4.0) OR GPL-3.0-only": True,
    "CC-BY-SA-4.0 AND ODbL-1.0": True,
    "": False,
    "CC-BY-NC-4.0": False,
    "CC-BY-ND-4.0": False,
    "MIT AND CC-BY-NC-4.0": False,
    "MIT OR": False,
    "(MIT": False,
    "MIT WITH exception": False,
    "other": False,
    "llama3": False,
}


def main() -> int:
    """Measure, print, compare with what was promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--seed", default="scans")
    parser.add_argument("--scan", nargs="*", choices=OWN, default=OWN)
    parser.add_argument("--poison", nargs="+", type=int, help="instead: the table of poison, with so many planted rows")
    parser.add_argument("--poison-seed", type=int, default=1)
    parser.add_argument("--poison-corpus", choices=CORPORA, default="own")
    parser.add_argument("--poison-attacks", choices=("own", "fresh", "all"), default="all")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(_run_one(Path(arguments.inside), arguments.scan[0])))
        return 0
    if arguments.poison:
        asked = (arguments.rows, arguments.poison, arguments.poison_seed)
        kept = table_of_poison(*asked, arguments.poison_corpus, arguments.poison_attacks)
        return int(arguments.check and not kept)
    seconds = table_of_scans(arguments.rows, arguments.seed, arguments.scan)
    return int(arguments.check and seconds > SECONDS_MAX)


def table_of_scans(count: int, seed: str, names: list[str]) -> float:
    """Plant, run every scan over the same file, print a row for each kind of case; return the seconds of all scans."""
    asked: set[str] = set()
    material = Material(
        random.Random(f"{seed} planted"),
        clean_rows(count, seed, asked),
        clean_rows(INCLUDED_ROWS, f"{seed}-included", asked),
        clean_rows(SUITE_ROWS, f"{seed}-suite", asked),
    )
    cases = plant_all(material)
    with tempfile.TemporaryDirectory() as folder:
        line_of = _write(Path(folder), material, cases)
        results = {name: _in_a_process(Path(folder), name) for name in names}
    touched = {line for case in cases for line in _lines_that_count(case, line_of)}
    print(
        f"{len(line_of)} rows: {count} clean ones, and {len(cases)} planted for {len({c.scan for c in cases})} scans.\n"
    )
    print("| scan | planted | recall | false alarms | seconds | peak MB |\n|---|---|---:|---:|---:|---:|")
    for name, result in results.items():
        _print_scan(name, result, [case for case in cases if case.scan == name], line_of, touched, count)
    wrong = [text for text, allowed in LICENCES.items() if bool(allowed_ways(text)) is not allowed]
    seconds = sum(result["seconds"] for result in results.values())
    print(f"\nLicence expressions judged as expected: {len(LICENCES) - len(wrong)} of {len(LICENCES)}.")
    print(f"All of these scans: {seconds:.1f} s.")
    return seconds


def _print_scan(
    name: str, result: dict[str, Any], cases: list[Case], line_of: dict[str, list[int]], touched: set[int], count: int
) -> None:
    found = set(result["lines"])
    alarms = len(found - touched)
    planted: Counter[str] = Counter(case.kind for case in cases)
    hit: Counter[str] = Counter(case.kind for case in cases if found & _lines_that_count(case, line_of))
    cost = f"{alarms} ({100 * alarms / count:.2f} %) | {result['seconds']:.1f} | {result['megabytes']}"
    kinds = list(planted) or ["–"]
    for number, kind in enumerate(kinds):
        share = f"{hit[kind]} of {planted[kind]} ({100 * hit[kind] / planted[kind]:.1f} %)" if planted[kind] else "–"
        print(f"| {name if not number else ''} | {kind} | {share} | {cost if not number else ' | | '} |")


def _lines_that_count(case: Case, line_of: dict[str, list[int]]) -> set[int]:
    return {line for name in (case.row["id"], case.with_row) for line in line_of.get(name, ())}


def _write(folder: Path, material: Material, cases: list[Case]) -> dict[str, list[int]]:
    """Write the corpus, the suite and the included dataset in canonical order; return the lines of each id."""
    from governance.evidence.canonical import canonical_bytes

    def canonical(rows: list[Row]) -> list[bytes]:
        return sorted({canonical_bytes(row) for row in rows})

    corpus = canonical(material.clean + [case.row for case in cases])
    for name, lines in (
        ("rows", corpus),
        ("included", canonical(material.included)),
        ("suite", canonical(material.suite)),
    ):
        (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
    line_of: dict[str, list[int]] = {}
    for line, row in enumerate(corpus, start=1):
        line_of.setdefault(json.loads(row)["id"], []).append(line)
    return line_of


def _in_a_process(folder: Path, name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.dataset_scans", "--inside", str(folder), "--scan", name]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _run_one(folder: Path, name: str) -> dict[str, Any]:
    """Run one scan over the stored rows, as intake's child does."""

    def stored(file: str) -> CanonicalRows:
        with (folder / file).open("rb") as lines:
            return CanonicalRows(folder / file, sum(1 for _line in lines))

    context = Context(
        licence="CC-BY-4.0",
        model_licences=("apache-2.0",),
        suite_questions=tuple(row["question"] for row in stored("suite")),
        included=(OtherDataset("Included", stored("included")),),
        kind="dialogue",
    )
    started = time.process_time()
    found = SCANS[name].search(stored("rows"), context)
    seconds = time.process_time() - started
    # Not getrusage: its peak begins with that of the process that started this one.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    megabytes = int(peak.split()[1]) // 1024
    return {"lines": list(found.lines), "count": found.count, "seconds": seconds, "megabytes": megabytes}


if __name__ == "__main__":
    raise SystemExit(main())
