"""The table of what the scans for poison find of each attack, among honest rows of three kinds."""

import resource
import time

from benchmarks._honest_rows import CLEAN, Row
from benchmarks._planted_poison import ATTACKS, poisoned
from models_registry.datasets.scans import SCANS, Context

SCANS_FOR_POISON = ("triggers", "influence_outliers")
RECALL_MIN, FALSE_MAX, SECONDS_MAX = 0.95, 0.01, 60.0


def table_of_poison(count: int, planted: list[int], seed: int) -> bool:
    """Print the table; return whether every attack that is promised to be found was, in time, with few false alarms.

    Found is what either scan found: voters read both.
    """
    kept = True
    corpora = {kind: make(count, seed) for kind, make in CLEAN.items()}
    print(f"{count} honest rows of each kind, and the planted ones on top; recall is of planted rows.\n")
    print("| attack | planted | triggers: recall | false alarms | outliers: recall | false alarms | seconds |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind, rows in corpora.items():
        (first, second), seconds = _found(rows)
        print(f"| none ({kind}) | 0 | – | {len(first)} | – | {len(second)} | {seconds:.1f} |", flush=True)
        kept &= not first and not second
    for attack in ATTACKS:
        for size in planted:
            rows, bad = poisoned(attack, corpora[attack.kind], size, seed)
            wanted = {line for line, is_bad in enumerate(bad, start=1) if is_bad}
            found, seconds = _found(rows)
            shares = [f"{100 * len(lines & wanted) / len(wanted):.1f} % | {len(lines - wanted)}" for lines in found]
            note = "" if attack.expected else " (not promised)"
            print(f"| {attack.name}{note} | {size} | {' | '.join(shares)} | {seconds:.1f} |", flush=True)
            either = found[0] | found[1]
            seen = len(either & wanted) >= RECALL_MIN * len(wanted) and len(either - wanted) <= FALSE_MAX * count
            kept &= (seen or not attack.expected) and seconds <= SECONDS_MAX
    print(f"\nPeak memory with the corpora: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB.")
    return kept


def _found(rows: list[Row]) -> tuple[list[set[int]], float]:
    started = time.process_time()
    found = [set(SCANS[name].search(rows, Context()).lines) for name in SCANS_FOR_POISON]
    return found, time.process_time() - started
