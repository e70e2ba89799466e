"""Part of check 7: each dataset is the one that was voted in, or what a voted removal left of one. Pure.

A dataset comes in by a `dataset_inclusion`. A `dataset_removal` takes one out, or some of its records; what is left is
a dataset that replaces it, rests on the removal, and says of itself what the old one said.
"""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from governance.evidence.record import Record
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks.common import executed_at, proposal_of, same, shown
from models_registry.provenance.shapes import parent_of, parents_of
from models_registry.rights import contributors

INCLUDED_AS, REMOVED_AS = "dataset_inclusion", "dataset_removal"
# What stays as it was in a dataset from which records were removed.
_KEPT = ("slug", "title", "license", "role", "kind", "sources", "scans")


def proposed_as(dataset: Record, case: Case) -> str:
    """Return the kind of proposal that a dataset must come from."""
    return REMOVED_AS if parents_of(dataset, "removal", case.records) else INCLUDED_AS


def check_datasets(case: Case, answer: Answer) -> None:
    """Hold every dataset and every removal against its own vote, and every spec against its datasets.

    1. a dataset that was voted in is what the proposal says, and replaces none
    2. a removal is what its own proposal says, of the dataset that it rests on
    3. what a removal left is the old dataset without these records
    4. a spec trains on its dataset parents, and on none that was removed before
    """
    for dataset in case.of_kind("dataset"):
        removal = next(iter(parents_of(dataset, "removal", case.records)), None)
        if removal is None:
            _check_included(dataset, case, answer)  # 1
        else:
            _check_left(dataset, removal, case, answer)  # 3
        wrong = contributors.problem_of(dataset.body["contributors"], dataset.body["records"])
        if wrong:
            answer.fail("contributors_wrong", case.place(dataset), f"it {wrong}")
        if not _shards_fit(dataset.body):
            answer.fail("shards_wrong", case.place(dataset), "its shards are not its rows, in order and without a gap")
    for removal in case.of_kind("removal"):
        _check_removal(removal, case, answer)  # 2
    for spec in case.of_kind("spec"):
        _check_used(spec, case, answer)  # 4


def _shards_fit(body: Mapping[str, Any]) -> bool:
    """Say whether the shards are ranges of the one canonical file, in order, without a gap, and all of it."""
    shards = body["shards"]
    firsts = list(accumulate((shard["records"] for shard in shards), initial=0))
    sizes = [file["size"] for file in body["files"] if file["sha256"] == body["digest"]]
    return (
        [shard["first"] for shard in shards] == firsts[:-1]
        and firsts[-1] == body["records"]
        and sizes == [sum(shard["size"] for shard in shards)]
        and all(shard["records"] for shard in shards)
        and (len(shards) != 1 or shards[0]["sha256"] == body["digest"])
    )


def _check_included(dataset: Record, case: Case, answer: Answer) -> None:
    """Compare a dataset with the payload of the proposal that brought it in.

    What intake finds out (scans, files) need not be voted on; the digest, which fixes the content, always is.
    """
    proposal = proposal_of(dataset, case)
    payload = proposal.body["payload"]
    voted = {"digest"} | (payload.keys() & dataset.body.keys())
    different = sorted(key for key in voted if not same(payload.get(key), dataset.body[key]))
    if different:
        detail = f"proposal {proposal.body['number']} put another {', '.join(different)} to the vote"
        answer.fail("dataset_not_approved", case.place(dataset), detail)
    if dataset.body["replaces"] is not None:
        detail = "it says that it replaces another dataset, and rests on no removal"
        answer.fail("removal_missing", case.place(dataset), detail)


def _check_removal(removal: Record, case: Case, answer: Answer) -> None:
    proposal, place = proposal_of(removal, case), case.place(removal)
    payload, body = proposal.body["payload"], removal.body
    left = payload.get("successor")
    voted = {
        **{name: payload.get(name) for name in ("digest", "records", "why", "follow_up", "request")},
        "successor": left.get("digest") if isinstance(left, dict) else left,
    }
    if not same(voted, body):
        different = sorted(name for name in body if not same(voted[name], body[name]))
        detail = f"proposal {proposal.body['number']} put another {', '.join(different)} to the vote"
        answer.fail("removal_not_approved", place, detail)
    old = parent_of(removal, "dataset", case.records)
    if old.body["digest"] != body["digest"]:
        answer.fail("removal_spliced", place, f"it rests on the dataset {old.body['digest']}")
    if (body["records"] is None) != (body["successor"] is None):
        answer.fail("removal_wrong", place, "a whole dataset leaves nothing, some records leave a dataset")
    listed = body["records"]
    if listed is not None and (not listed or listed != sorted(set(listed))):
        answer.fail("removal_wrong", place, "the removed records are not listed once each, in order")


def _check_left(dataset: Record, removal: Record, case: Case, answer: Answer) -> None:
    place, body = case.place(dataset), dataset.body
    old, removed = parent_of(removal, "dataset", case.records).body, removal.body["records"] or []
    if parent_of(dataset, "execution", case.records) != parent_of(removal, "execution", case.records):
        answer.fail("removal_spliced", place, "another vote made it than the removal that it rests on")
    if (body["digest"], body["replaces"]) != (removal.body["successor"], removal.body["digest"]):
        answer.fail("dataset_not_approved", place, "it is not what the vote left of the dataset")
    changed = [name for name in _KEPT if not same(body[name], old[name])]
    if changed:
        answer.fail("replaced_wrong", place, f"its {', '.join(changed)} is not that of the dataset it replaces")
    if body["records"] != old["records"] - len(removed):
        detail = f"{old['records']} records less {len(removed)} are not {body['records']}"
        answer.fail("replaced_wrong", place, detail)
    before = {entry["contributor"]: entry["records"] for entry in old["contributors"]}
    if any(
        rows > before.get(entry["contributor"], {}).get(language, 0)
        for entry in body["contributors"]
        for language, rows in entry["records"].items()
    ):
        answer.fail("replaced_wrong", place, "somebody contributed more to it than to the dataset it replaces")


def _check_used(spec: Record, case: Case, answer: Answer) -> None:
    """Compare the datasets named in a spec with its dataset parents; the evaluation suite may be one more."""
    named = [entry["digest"] for entry in spec.body["datasets"]]
    suite = spec.body["evaluation"]["suite"]
    parents = {record.body["digest"]: record for record in parents_of(spec, "dataset", case.records)}
    if len(set(named)) != len(named) or not set(named) <= set(parents) <= {*named, suite}:
        detail = f"it trains on {shown(sorted(named))}, its dataset records are {shown(sorted(parents))}"
        answer.fail("datasets_spliced", case.place(spec), detail)
    for digest in named:
        if digest in parents and parents[digest].body["role"] != "training":
            answer.fail("dataset_role", case.place(parents[digest]), "trained on, but adopted for evaluation only")
    approved = executed_at(spec, case)
    for removal in case.of_kind("removal"):
        if removal.body["digest"] in named and executed_at(removal, case) <= approved:
            detail = f"it trains on {removal.body['digest']}, which a vote had removed"
            answer.fail("dataset_removed", case.place(spec), detail)
