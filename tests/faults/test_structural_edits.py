"""Two thousand random edits of the structure of a release: each must be found, and the finding must name the place.

Bytes that change are the business of `test_every_byte.py`. Here whole things move: lines, records, fields, documents and
signatures are dropped, doubled, swapped, reordered, taken from another release of the same community, from an older one
or from strangers, and signed again with keys that the community does not have. The reader trusts the founding key.
"""

import base64
import hashlib
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from models_registry.provenance import attestation
from models_registry.provenance.manifest import Problem
from models_registry.provenance.verify import TrustRoots, check
from tests.simulators import golden_bundle, golden_modes
from tests.simulators.attacks import FOREIGN, LONG, changing
from tests.simulators.golden_bundle import KeySigner

REVIEWED = golden_bundle.reviewed_story()
EDITS = 2_000
PARTS = 4
TRUSTED = TrustRoots(release_key=KeySigner(7).public_key_hex)
JSON_LINES = ("records.jsonl", *LONG)
# What is not there has no line: then the record of the vote that counts such lines is the place.
NOUNS = {"ballots.jsonl": "ballot", "census.jsonl": "census", "delegations.jsonl": "delegation"}
RECORD_PLACE = re.compile(r"provenance/records\.jsonl line \d+ \(\w+\)")

# Those that are edited; what is taken from elsewhere comes from strangers, too.
RELEASES = ("new", "old", "first", "sealed")

Files = dict[str, bytes]
Sources = dict[str, Files]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Return true releases, as bytes: two of one community, its first with fewer votes, a sealed one, one of strangers."""
    stories = {
        "new": golden_bundle.guarded_story(
            edit=changing("release", version=2), weights=(1.5, 2.5), rules=REVIEWED.rules, attested=REVIEWED.attested
        ),
        "old": golden_bundle.guarded_story(taking_back=True),
        "first": golden_bundle.Story(hidden=True),
        "sealed": golden_modes.sealed_story(topic=""),
        "foreign": golden_bundle.guarded_story(
            release_key=KeySigner(51),
            new_release_key=KeySigner(52),
            members=golden_bundle.voters(first=31),
            trusting=golden_bundle.voters(golden_bundle.TRUSTING_POWERS, first=61),
        ),
    }
    found = {}
    for name, story in stories.items():
        folder = tmp_path_factory.mktemp(name)
        golden_bundle.build(folder, story)
        found[name] = taken(folder)
        assert check(folder, TrustRoots(release_key=story.release_key.public_key_hex)).verified
    return found


def taken(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def laid_out(folder: Path, before: Files, after: Files) -> None:
    """Make the folder hold `after`, writing only what differs."""
    for name in before.keys() - after.keys():
        (folder / name).unlink()
    for name, data in after.items():
        if before.get(name) != data:
            (folder / name).write_bytes(data)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_structural_edit_goes_unnoticed_and_the_finding_names_the_place(
    sources: Sources, tmp_path: Path, part: int
) -> None:
    chance = random.Random(part)
    lying: Files = {}
    (tmp_path / "provenance").mkdir()
    kinds = itertools.cycle(EDIT_KINDS)
    for number in range(EDITS // PARTS):
        kind = next(kinds)
        release = chance.choice(RELEASES)
        edited = changed(kind, sources, release, chance)
        laid_out(tmp_path, lying, edited)
        lying = edited
        report = check(tmp_path, TRUSTED)
        told = f"{kind.__name__} of {release}, number {number} of part {part}"

        problems = [problem for finding in report.findings for problem in finding.problems]
        assert not report.ok, told
        assert all(problem.place for problem in problems), told
        # What is put together of two releases may be told from either.
        made_of = sources.values() if kind in MIXTURES else [sources[release]]
        touched = {
            name for true in made_of for name in edited.keys() | true.keys() if edited.get(name) != true.get(name)
        }
        assert any(names(problem, name) for problem in problems for name in touched), f"{told}: {problems}"


def names(problem: Problem, touched: str) -> bool:
    """Say whether a problem leads to a file: by its name, or by the record that binds what is missing from it."""
    name = touched.rpartition("/")[2]
    by_record = name in NOUNS and NOUNS[name] in problem.code and RECORD_PLACE.match(problem.place) is not None
    return name in problem.place or by_record


def changed(kind: Callable[..., None], sources: Sources, release: str, chance: random.Random) -> Files:
    """Return an edited copy that is none of the true releases; an edit that changed nothing is made again."""
    for _ in range(100):
        files = dict(sources[release])
        kind(files, sources, release, chance)
        if files not in [sources[name] for name in RELEASES]:
            return files
    raise AssertionError(f"{kind.__name__} never changed anything")


# --- lines ---


def split(files: Files, name: str) -> list[bytes]:
    return files[f"provenance/{name}"].splitlines(keepends=True)


def join(files: Files, name: str, lines: list[bytes]) -> None:
    files[f"provenance/{name}"] = b"".join(lines)


def drop_lines(files: Files, _sources: Sources, _release: str, chance: random.Random) -> None:
    name = chance.choice(JSON_LINES)
    lines = split(files, name)
    gone = set(chance.sample(range(len(lines)), chance.randint(1, max(1, len(lines) // 3))))
    join(files, name, [line for row, line in enumerate(lines) if row not in gone])


def double_a_line(files: Files, _sources: Sources, _release: str, chance: random.Random) -> None:
    name = chance.choice(JSON_LINES)
    lines = split(files, name)
    lines.insert(chance.randint(0, len(lines)), chance.choice(lines))
    join(files, name, lines)


def swap_two_lines(files: Files, _sources: Sources, _release: str, chance: random.Random) -> None:
    name = chance.choice(JSON_LINES)
    lines = split(files, name)
    one, other = chance.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    join(files, name, lines)


def reorder_all_lines(files: Files, _sources: Sources, _release: str, chance: random.Random) -> None:
    name = chance.choice(JSON_LINES)
    lines = split(files, name)
    chance.shuffle(lines)
    join(files, name, lines)


def move_a_line_to_another_file(files: Files, _sources: Sources, _release: str, chance: random.Random) -> None:
    source, target = chance.sample(JSON_LINES, 2)
    lines, others = split(files, source), split(files, target)
    others.insert(chance.randint(0, len(others)), lines.pop(chance.randrange(len(lines))))
    join(files, source, lines)
    join(files, target, others)


def splice_a_line_from_another_release(files: Files, sources: Sources, release: str, chance: random.Random) -> None:
    name = chance.choice(JSON_LINES)
    lines, others = split(files, name), split(sources[other_than(release, sources, chance)], name)
    row = chance.randrange(len(lines))
    lines[row : row + chance.randint(0, 1)] = [chance.choice(others)]
    join(files, name, lines)


# --- documents ---


def other_than(release: str, sources: Sources, chance: random.Random) -> str:
    return chance.choice([name for name in sources if name != release])


def exchange_documents(files: Files, sources: Sources, release: str, chance: random.Random) -> None:
    """Take one to all but one of the files from another release."""
    other = sources[other_than(release, sources, chance)]
    names = [name for name in other if other[name] != files[name]]
    for name in chance.sample(names, chance.randint(1, max(1, len(names) - 1))):
        files[name] = other[name]


def roll_back_the_votes(files: Files, sources: Sources, release: str, chance: random.Random) -> None:
    """Put the records, or some of the lines of the votes, of another release of the community into this one."""
    other = sources[chance.choice([name for name in ("new", "old", "first") if name != release])]
    for name in chance.sample(JSON_LINES, chance.randint(1, len(JSON_LINES))):
        files[f"provenance/{name}"] = other[f"provenance/{name}"]


def swap_two_documents(files: Files, _sources: Sources, _release: str, chance: random.Random) -> None:
    one, other = chance.sample(sorted(files), 2)
    files[one], files[other] = files[other], files[one]


def drop_or_add_a_document(files: Files, sources: Sources, _release: str, chance: random.Random) -> None:
    if chance.random() < 0.5:
        del files[chance.choice(sorted(files))]
    else:
        folder = chance.choice(("", "provenance/"))
        files[f"{folder}{chance.choice(('copy.json', 'records.json', 'NOTICE', 'vocab.json'))}"] = b"{}"


# --- records and fields ---


def rewrite_fields(files: Files, sources: Sources, release: str, chance: random.Random) -> None:
    """Swap, drop, double or replace a field of a line, in canonical form."""
    name = chance.choice(JSON_LINES)
    lines = split(files, name)
    row = chance.randrange(len(lines))
    value = json.loads(lines[row])
    edit_somewhere(
        value, [json.loads(line) for line in split(sources[other_than(release, sources, chance)], name)], chance
    )
    lines[row] = canonical_bytes(value) + b"\n"
    join(files, name, lines)


def edit_somewhere(value: Any, others: list[Any], chance: random.Random) -> None:
    """Change one place in a JSON value: what is there goes, comes twice, or comes from elsewhere."""
    paths = list(containers(value))
    holder = chance.choice(paths)
    if isinstance(holder, list):
        move = chance.choice(("drop", "double", "shuffle"))
        if move == "drop":
            holder.pop(chance.randrange(len(holder)))
        elif move == "double":
            holder.append(chance.choice(holder))
        else:
            chance.shuffle(holder)
        return
    name = chance.choice(sorted(holder))
    strangers = [
        found[name] for other in others for found in containers(other) if isinstance(found, dict) and name in found
    ]
    move = chance.choice(("drop", "swap", "take", "rename"))
    if move == "swap":
        other = chance.choice(sorted(holder))
        holder[name], holder[other] = holder[other], holder[name]
    elif move == "take" and strangers:
        holder[name] = chance.choice(strangers)
    elif move == "rename":
        holder[f"{name}s"] = holder.pop(name)
    else:
        del holder[name]


def containers(value: Any) -> Iterator[Any]:
    """Yield every object and list in a value that holds something."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from containers(inner)


def refit_and_sign_again(files: Files, sources: Sources, release: str, chance: random.Random) -> None:
    """Change the body of a record, make every digest fit, and sign with keys that the attacker may have."""
    lines = split(files, "records.jsonl")
    target = Record.from_bytes(chance.choice(lines)[:-1])
    others = [json.loads(line) for line in split(sources[other_than(release, sources, chance)], "records.jsonl")]
    body = json.loads(canonical_bytes(target.body))
    edit_somewhere(body, [other["body"] for other in others if other["kind"] == target.kind], chance)
    renamed: dict[bytes, bytes] = {}
    made: dict[str, Record] = {}
    for line in lines:
        fitted = replaced(line[:-1], renamed)
        old, value = Record.from_bytes(line[:-1]), json.loads(fitted)
        if old.digest == target.digest:
            value["body"] = json.loads(replaced(canonical_bytes(body), renamed))
        value["parents"] = sorted(value["parents"])
        new = Record.from_bytes(canonical_bytes(value))
        renamed[old.digest.encode()], made[new.digest] = new.digest.encode(), new
    join(files, "records.jsonl", [record.canonical() + b"\n" for record in ordered(made)])
    for name in LONG:
        files[f"provenance/{name}"] = replaced(files[f"provenance/{name}"], renamed)
    sign_again(files, chance, renamed)


def replaced(data: bytes, renamed: dict[bytes, bytes]) -> bytes:
    for old, new in renamed.items():
        data = data.replace(old, new)
    return data


def ordered(made: dict[str, Record]) -> list[Record]:
    depths: dict[str, int] = {}
    for digest, record in made.items():  # parents come first in the file that this was made from
        depths[digest] = 1 + max((depths[parent] for parent in record.parents), default=-1)
    return sorted(made.values(), key=lambda record: (depths[record.digest], record.digest))


# --- signatures ---


def sign_again(files: Files, chance: random.Random, renamed: dict[bytes, bytes] | None = None) -> None:
    """Sign the statement as it should now read, with a stranger's key, and guardians who were fooled."""
    payload = json.loads(base64.b64decode(json.loads(files["provenance/statement.json"])["payload"]))
    payload = json.loads(replaced(canonical_bytes(payload), renamed or {}))
    for document in payload["predicate"]["documents"]:
        document["sha256"] = hashlib.sha256(files[f"provenance/{document['name']}"]).hexdigest()
    signers = [KeySigner(chance.randint(90, 99))]
    signers += chance.sample([KeySigner(21), KeySigner(22), KeySigner(23)], chance.randint(0, 2))
    files["provenance/statement.json"] = attestation.signed(canonical_bytes(payload), signers)


def sign_with_keys_of_strangers(files: Files, _sources: Sources, _release: str, chance: random.Random) -> None:
    sign_again(files, chance)


def rearrange_signatures(files: Files, sources: Sources, release: str, chance: random.Random) -> None:
    """Drop, double, swap or exchange signatures of an envelope."""
    name = chance.choice(("statement.json", "slsa.json"))
    envelope = json.loads(files[f"provenance/{name}"])
    other = json.loads(sources[other_than(release, sources, chance)][f"provenance/{name}"])
    signatures = envelope["signatures"]
    move = chance.choice(("drop", "double", "shuffle", "take", "payload"))
    if move == "drop":
        signatures.pop(chance.randrange(len(signatures)))
    elif move == "double":
        signatures.append(chance.choice(signatures))
    elif move == "shuffle":
        chance.shuffle(signatures)
    elif move == "take":
        signatures[chance.randrange(len(signatures))] = chance.choice(other["signatures"])
    else:
        envelope["payload"] = other["payload"]
    files[f"provenance/{name}"] = canonical_bytes(envelope)


def exchange_what_other_tools_read(files: Files, sources: Sources, release: str, chance: random.Random) -> None:
    other = sources[other_than(release, sources, chance)]
    for name in chance.sample(FOREIGN, chance.randint(1, len(FOREIGN))):
        files[f"provenance/{name}"] = other[f"provenance/{name}"]


EDIT_KINDS = (
    drop_lines,
    double_a_line,
    swap_two_lines,
    reorder_all_lines,
    move_a_line_to_another_file,
    splice_a_line_from_another_release,
    exchange_documents,
    roll_back_the_votes,
    swap_two_documents,
    drop_or_add_a_document,
    rewrite_fields,
    refit_and_sign_again,
    sign_with_keys_of_strangers,
    rearrange_signatures,
    exchange_what_other_tools_read,
)
MIXTURES = (exchange_documents, roll_back_the_votes)
