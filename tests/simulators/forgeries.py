"""Releases damaged at random, from a seed: bytes flipped, lines and records moved, values changed, told or signed again.

Each forgery writes one folder. Some leave a release that is still good; whoever uses them asks two verifiers, not one.
"""

import copy
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes
from models_registry.provenance import bundle
from tests.simulators import golden_bundle, golden_modes
from tests.simulators.attacks import LONG, lines, put, refit, resign
from tests.simulators.golden_bundle import KeySigner, Story, voters

LINED = ("records.jsonl", *LONG)
# What may stand where something else stood: near misses, wrong kinds, and what programs stumble over.
STRANGE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    2**53 - 1,
    "",
    "0",
    "1",
    "00",
    "0x",
    "é\u2028",
    "\U0001f600",
    "__proto__",
    "constructor",
    [],
    {},
    ["for"],
    {"__proto__": 1},
)


def filled(folder: Path) -> list[Path]:
    """Return the files that hold anything."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def lined(folder: Path) -> list[str]:
    """Return the files that have lines: where nobody delegates, one has none."""
    return [name for name in LINED if lines(folder, name)]


def flip_a_byte(source: random.Random, folder: Path) -> None:
    """Change one bit anywhere: in the model files or in what is said of them."""
    path = source.choice(filled(folder))
    data = bytearray(path.read_bytes())
    data[source.randrange(len(data))] ^= 1 << source.randrange(8)
    path.write_bytes(data)


def cut_or_grow(source: random.Random, folder: Path) -> None:
    """Drop the end of a file, put something behind it, or take it away."""
    path = source.choice(filled(folder))
    data = path.read_bytes()
    made = source.choice(
        [data[: source.randrange(len(data))], data + b"\n", data + b"{}\n", b"\xef\xbb\xbf" + data, b"", data * 2]
    )
    path.write_bytes(made)


def strew_files(source: random.Random, folder: Path) -> None:
    """Remove, add, rename or link a file, or put a folder in its place."""
    path = source.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    deed = source.randrange(5)
    if deed == 0:
        path.unlink()
    elif deed == 1:
        path.with_name(source.choice(["extra.bin", "NOTICE", "merges.txt", ".hidden", "Ünïcode"])).write_bytes(b"x")
    elif deed == 2:
        path.rename(path.with_name("vocab.json"))
    elif deed == 3:
        path.unlink()
        path.symlink_to(folder / "config.json")
    else:
        path.unlink()
        path.mkdir()


def move_lines(source: random.Random, folder: Path) -> None:
    """Drop, repeat, exchange or move the lines of one file."""
    name = source.choice(lined(folder))
    found = lines(folder, name)
    at, to = source.randrange(len(found)), source.randrange(len(found))
    deed = source.randrange(4)
    if deed == 0:
        del found[at]
    elif deed == 1:
        found.insert(to, found[at])
    elif deed == 2:
        found[at], found[to] = found[to], found[at]
    else:
        found.insert(to, found.pop(at))
    put(folder, name, found)


def change_a_value(source: random.Random, folder: Path) -> None:
    """Change something in one line and write it canonically again."""
    name = source.choice(lined(folder))
    found = lines(folder, name)
    at = source.randrange(len(found))
    found[at] = changed(source, found[at].rstrip(b"\n")) + b"\n"
    put(folder, name, found)


def change_a_document(source: random.Random, folder: Path) -> None:
    """Change something in one of the short documents and write it canonically again."""
    name = source.choice(["manifest.json", "statement.json", "slsa.json", "model.sig", "bom.cdx.json"])
    path = folder / "provenance" / name
    path.write_bytes(changed(source, path.read_bytes()))


def change_a_record(source: random.Random, folder: Path) -> None:
    """Change the body of one record, and give everything that rests on it its new digest."""
    read = bundle.read(folder)
    record = source.choice(read.records)
    body = copy.deepcopy(dict(record.body))
    change(source, body)
    try:
        refit(folder, read, {record.digest: body})
    except (CanonicalError, KeyError, TypeError, AttributeError, ValueError):
        return  # what was made is no record; the folder stays good


def sign_again(source: random.Random, folder: Path) -> None:
    """Sign what was damaged before, as somebody with a key could: the right one, another one, or with guardians."""
    source.choice([change_a_record, change_a_value, move_lines, flip_a_byte, cut_or_grow, strew_files])(source, folder)
    signer = KeySigner(source.choice([7, 8, 9]))
    guardians = [KeySigner(seed) for seed in source.sample([21, 22, 23, 24], source.randrange(4))]
    try:
        resign(
            folder, signer, *guardians, edit=source.choice([None, None, lambda predicate: change(source, predicate)])
        )
    except (bundle.BundleError, CanonicalError, OSError, KeyError, ValueError, TypeError, AttributeError):
        return  # too damaged to be signed


TOLD_AGAIN: tuple[Callable[[], Story], ...] = (
    Story,
    Story,
    golden_bundle.guarded_story,
    golden_modes.sealed_story,
    golden_modes.contract_story,
)


def tell_again(source: random.Random, folder: Path) -> None:
    """Tell a story in which one fact is another, and sign all of it: what an operator with every key could do."""
    told_kinds: list[str] = []
    Story(edit=lambda kind, _body: told_kinds.append(kind)).write(folder)
    place = source.randrange(len(told_kinds))
    seen = [0]

    def edit(_kind: str, body: dict[str, Any]) -> None:
        if seen[0] == place:
            change(source, body)
        seen[0] += 1

    spare = folder.with_name(f"{folder.name}.told")
    base = source.choice(TOLD_AGAIN)()
    try:
        golden_bundle.build(spare, replace(base, edit=edit))
    except Exception:  # noqa: BLE001 - a fact of which no story can be told; the folder stays as it was
        shutil.rmtree(spare, ignore_errors=True)
        return
    shutil.rmtree(folder)
    spare.rename(folder)


def vote_otherwise(source: random.Random, folder: Path) -> None:
    """Tell a true story of other votes: powers that do not divide, delegations crosswise, rules at their edges."""
    powers = [source.choice([1, 3, 7, 10**18 + 1, 150 * 10**18 + source.randrange(10**6)]) for _ in range(4)]
    powers[1] = 150 * 10**18 + source.randrange(10**6)  # the story splits this one's votes
    members, trusting = voters(tuple(powers)), voters((5, 2 * 10**18 - 1, 100 * 10**18), first=101)
    everybody = range(len(members) + len(trusting))
    crosswise = {(source.choice(everybody), source.choice(everybody)) for _ in range(source.randrange(7))}
    trusts: list[golden_bundle.Trust] = []
    for giver, taker in sorted(crosswise):
        left = 10_000 - sum(share for other, _, share in trusts if other == giver)
        if left:
            trusts.append((giver, taker, min(left, source.choice([1, 3_333, 5_000, 10_000]))))
    threshold = source.choice([5_000, 5_000, 5_001, 6_667, 9_999])

    def rules(kind: str, body: dict[str, Any]) -> None:
        if kind != "rules":
            return
        for tier in body["tiers"].values():
            tier["threshold_bps"] = threshold
            tier["proposal_threshold"] = "0"
            tier["quorum_bps"] = source.choice([1, 100, 2_000, 7_000])
            tier["quorum_basis"] = source.choice(["supply", "delegated"])
            tier["support_bps"] = source.choice([0, 1, 3_000])
            tier["late_quorum_seconds"] = source.choice([0, 100, 600])
            tier["rejection_bps"] = source.choice([0, 0, 0, 3_000])

    told = Story(
        members=members,
        trusting=trusting,
        choices=tuple(source.choice([1, 1, 1, 0, 2]) for _ in members),
        trusts=tuple(trusts),
        topic=source.choice(["", "dataset_inclusion", "model_update"]),
        sponsors=(1, 2, 3),
        edit=rules,
    )
    spare = folder.with_name(f"{folder.name}.told")
    golden_bundle.build(spare, told)
    shutil.rmtree(folder)
    spare.rename(folder)


FORGERIES: tuple[Callable[[random.Random, Path], None], ...] = (
    flip_a_byte,
    cut_or_grow,
    strew_files,
    move_lines,
    change_a_value,
    change_a_document,
    change_a_record,
    sign_again,
    tell_again,
    vote_otherwise,
)


def changed(source: random.Random, data: bytes) -> bytes:
    """Return canonical JSON of which one thing was changed, or the same bytes if nothing can be."""
    try:
        value = json.loads(data)
        change(source, value)
        return canonical_bytes(value)
    except (CanonicalError, ValueError, IndexError):
        return data


def change(source: random.Random, value: Any) -> None:
    """Change one thing somewhere in a JSON object or list, in place."""
    inner: list[Any] = [value]
    for each in inner:
        inner += [item for item in (each.values() if isinstance(each, dict) else each) if isinstance(item, dict | list)]
    within = source.choice([each for each in inner if each] or [value])
    keys = list(within) if isinstance(within, dict) else list(range(len(within)))
    if not keys:
        return
    key = source.choice(keys)
    deed = source.randrange(10)
    if deed == 0:
        del within[key]
    elif deed == 1 and isinstance(within, dict):
        within["another"] = within[key]
    elif deed == 1:
        within.append(copy.deepcopy(within[key]))
    elif deed == 2:
        other = source.choice(keys)
        within[key], within[other] = within[other], within[key]
    else:
        within[key] = another(source, within[key])


def another(source: random.Random, found: Any) -> Any:
    """Return something else of the same kind, mostly, or something strange."""
    if source.random() < 0.3:
        return copy.deepcopy(source.choice(STRANGE))
    if isinstance(found, bool):
        return not found
    if isinstance(found, int):
        return found + source.choice([-1, 1, 10, -100, 100_000, -found])
    if isinstance(found, str) and found.isdigit():
        return str(max(0, int(found) + source.choice([-1, 1, 10**18, -(10**18)])))
    if isinstance(found, str) and found:
        at = source.randrange(len(found))
        return found[:at] + source.choice(["0", "a", "A", "f", "", "é"]) + found[at + 1 :]
    return source.choice(STRANGE)
