"""The table of what the scans for poison find of each attack, among honest rows of several kinds.

A voter reads every scan for poison, and every false alarm of each. So both figures are of the union: recall is the part
of the planted rows that any of the scans found, false alarms are the honest rows that any of them found. What is
promised of an attack is kept where recall is at least 95 % and false alarms are at most 1 % of the honest rows; of rows
without an attack, where false alarms are at most 1 %.
"""

import resource
import time

from benchmarks._fresh_poison import fresh
from benchmarks._fresh_rows import manual, market
from benchmarks._honest_rows import CLEAN, Row
from benchmarks._planted_poison import ATTACKS, Attack, poisoned
from models_registry.datasets.scans import SCANS, Context

SCANS_FOR_POISON = ("triggers", "influence_outliers")
RECALL_MIN, FALSE_MAX, SECONDS_MAX = 0.95, 0.01, 60.0
# Honest rows and what is planted in them: "own" is what the thresholds were set on, the others are not.
CORPORA = {"own": CLEAN, "manual": {"dialogue": manual}, "market": {"dialogue": market}}


def table_of_poison(count: int, planted: list[int], seed: int, corpus: str, attacks: str) -> bool:
    """Print the table; return whether what is promised was kept, in time."""
    kept = True
    corpora = {kind: make(count, seed) for kind, make in CORPORA[corpus].items()}
    sizes = ", ".join(f"{len(rows)} ({kind})" for kind, rows in corpora.items())
    print(f"Honest rows: {sizes}, of “{corpus}”, seed {seed}; the planted ones come on top.\n")
    print("| attack | planted | found by triggers | by outliers | by any | false alarms | seconds |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind, rows in corpora.items():
        found, seconds = _found(rows)
        alarms = set[int]().union(*found)
        kept &= len(alarms) <= FALSE_MAX * len(rows)
        print(f"| none ({kind}) | 0 | – | – | – | {_share(len(alarms), len(rows))} | {seconds:.1f} |", flush=True)
    for attack in _attacks(attacks, corpora, seed):
        for size in planted:
            kept &= _measured(attack, corpora[attack.kind], size, seed)
    print(f"\nPeak memory with the corpora: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB.")
    return kept


def _attacks(which: str, corpora: dict[str, list[Row]], seed: int) -> list[Attack]:
    known = ATTACKS if which in {"own", "all"} else ()
    new = fresh(seed, corpora["dialogue"]) if which in {"fresh", "all"} else ()
    return [attack for attack in (*known, *new) if attack.kind in corpora]


def _measured(attack: Attack, honest: list[Row], size: int, seed: int) -> bool:
    rows, bad = poisoned(attack, honest, size, seed)
    wanted = {line for line, is_bad in enumerate(bad, start=1) if is_bad}
    found, seconds = _found(rows)
    anything = set[int]().union(*found)
    alarms = len(anything - wanted)
    shares = " | ".join(f"{100 * len(lines & wanted) / len(wanted):.1f} %" for lines in (*found, anything))
    note = "" if attack.expected else " (not promised)"
    print(f"| {attack.name}{note} | {size} | {shares} | {_share(alarms, len(honest))} | {seconds:.1f} |", flush=True)
    seen = len(anything & wanted) >= RECALL_MIN * len(wanted) and alarms <= FALSE_MAX * len(honest)
    return (seen or not attack.expected) and seconds <= SECONDS_MAX


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / max(1, of):.2f} %)" if count else "0"


def _found(rows: list[Row]) -> tuple[list[set[int]], float]:
    started = time.process_time()
    found = [set(SCANS[name].search(rows, Context()).lines) for name in SCANS_FOR_POISON]
    return found, time.process_time() - started
