"""Part of check 7: each dataset is the one that was voted in, or what a removal left of one. Pure.

A dataset comes in by a `dataset_inclusion`. A `dataset_removal` takes one out, or some of its records; what is left is
a dataset that replaces it, rests on the removal, and says of itself what the old one said. Where the community's rule
lets contributors take back their own rows, such a removal needs no vote, and what it left comes in by one.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from governance.evidence.record import Record
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks.common import executed_at, proposal_of, removed_at, same, shown
from models_registry.provenance.shapes import parent_of, parents_of
from models_registry.rights import contributors

INCLUDED_AS, REMOVED_AS, TAKING_BACK = "dataset_inclusion", "dataset_removal", "taking_back"
# What a dataset says of itself only where somebody said it. Where its rows may go follows from it: none may be lost.
_SAID = ("data_kinds", "country")
# What stays as it was in a dataset from which records were removed.
_KEPT = ("slug", "title", "license", "role", "kind", "sources", "scans", *_SAID)


def proposed_as(dataset: Record, case: Case) -> str:
    """Return the kind of proposal that a dataset must come from."""
    removals = parents_of(dataset, "removal", case.records)
    return REMOVED_AS if removals and removals[0].body["taken_back"] is None else INCLUDED_AS


def check_datasets(case: Case, answer: Answer) -> None:
    """Hold every dataset and every removal against its own vote, and every spec against its datasets.

    1. a dataset that was voted in is what the proposal says, and replaces none but what a contributor took rows from
    2. a removal is what its own proposal says, of the dataset that it rests on; or the rule on taking back allows it,
       and it takes out the rows of one contributor, all of them and nobody else's
    3. what a removal left is the old dataset without these records
    4. a spec trains on its dataset parents, and on none that was removed before
    """
    for dataset in case.of_kind("dataset"):
        removal = next(iter(parents_of(dataset, "removal", case.records)), None)
        if proposed_as(dataset, case) == INCLUDED_AS:
            _check_included(dataset, case, answer)  # 1
        if removal is not None:
            _check_left(dataset, removal, case, answer)  # 3
        elif dataset.body["replaces"] is not None:
            detail = "it says that it replaces another dataset, and rests on no removal"
            answer.fail("removal_missing", case.place(dataset), detail)
        wrong = contributors.problem_of(dataset.body["contributors"], dataset.body["records"])
        if wrong:
            answer.fail("contributors_wrong", case.place(dataset), f"it {wrong}")
        if not _shards_fit(dataset.body):
            answer.fail("shards_wrong", case.place(dataset), "its shards are not its rows, in order and without a gap")
    for removal in case.of_kind("removal"):
        _check_removal(removal, case, answer)  # 2
    _check_rules(case, answer)  # 2
    for spec in case.of_kind("spec"):
        _check_used(spec, case, answer)  # 4


def times(case: Case) -> Iterator[tuple[bool, str, Record, str]]:
    """Yield the demands of check 6 on removals: after their dataset and their rule, and before what they left."""
    for removal in case.of_kind("removal"):
        old = parent_of(removal, "dataset", case.records)
        before, found = executed_at(old, case), removed_at(removal, case)
        yield before <= found, "adopted_late", old, f"included at {before}, after its removal at {found}"
        for rule in parents_of(removal, "taking_back", case.records):
            adopted = executed_at(rule, case)
            yield adopted <= found, "adopted_late", rule, f"adopted at {adopted}, after what it allowed at {found}"
        for left in case.of_kind("dataset"):
            if removal in parents_of(left, "removal", case.records):
                included = executed_at(left, case)
                detail = f"removed at {found}, after what it left was included at {included}"
                yield found <= included, "adopted_late", removal, detail


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
    voted = {"digest", *_SAID} | (payload.keys() & dataset.body.keys())
    different = sorted(key for key in voted if not same(payload.get(key), dataset.body.get(key)))
    if different:
        detail = f"proposal {proposal.body['number']} put another {', '.join(different)} to the vote"
        answer.fail("dataset_not_approved", case.place(dataset), detail)


def _check_removal(removal: Record, case: Case, answer: Answer) -> None:
    place, body = case.place(removal), removal.body
    old = parent_of(removal, "dataset", case.records)
    if body["taken_back"] is None:
        _check_voted(removal, case, answer)
    else:
        _check_taken_back(removal, old, case, answer)
    if old.body["digest"] != body["digest"]:
        answer.fail("removal_spliced", place, f"it rests on the dataset {old.body['digest']}")
    if (body["records"] is None) != (body["successor"] is None):
        answer.fail("removal_wrong", place, "a whole dataset leaves nothing, some records leave a dataset")
    listed = body["records"]
    if listed is not None and (not listed or listed != sorted(set(listed))):
        answer.fail("removal_wrong", place, "the removed records are not listed once each, in order")


def _check_rules(case: Case, answer: Answer) -> None:
    for rule in case.of_kind(TAKING_BACK):
        proposal = proposal_of(rule, case)
        if not same(proposal.body["payload"], rule.body):
            detail = f"it is not the rule that proposal {proposal.body['number']} put to the vote"
            answer.fail("taking_back_not_approved", case.place(rule), detail)


def _check_voted(removal: Record, case: Case, answer: Answer) -> None:
    proposal, body = proposal_of(removal, case), removal.body
    payload = proposal.body["payload"]
    left = payload.get("successor")
    voted = {
        **{name: payload.get(name) for name in ("digest", "records", "why", "follow_up", "request")},
        "successor": left.get("digest") if isinstance(left, dict) else left,
        "taken_back": None,
    }
    if not same(voted, body):
        different = sorted(name for name in body if not same(voted[name], body[name]))
        detail = f"proposal {proposal.body['number']} put another {', '.join(different)} to the vote"
        answer.fail("removal_not_approved", case.place(removal), detail)


def _check_taken_back(removal: Record, old: Record, case: Case, answer: Answer) -> None:
    rule, place, body = parent_of(removal, "taking_back", case.records), case.place(removal), removal.body
    if not rule.body["allowed"]:
        answer.fail("removal_not_allowed", place, "by the rule that it rests on, a vote decides each time")
    if not same(body["follow_up"], {"action": "retrain", "days": rule.body["days"], "because": ""}):
        answer.fail("removal_not_allowed", place, "what follows is not what the rule says")
    own, taken = _rows_by_contributor(old).get(body["taken_back"]["by"], {}), body["records"]
    found = old.body["records"] if taken is None else len(taken)
    if sum(own.values()) != found:
        detail = f"{body['taken_back']['by']} gave {sum(own.values())} of its records, {found} were taken out"
        answer.fail("removal_not_own", place, detail)


def _rows_by_contributor(dataset: Record) -> dict[str | None, dict[str, int]]:
    return {entry["contributor"]: entry["records"] for entry in dataset.body["contributors"]}


def _check_left(dataset: Record, removal: Record, case: Case, answer: Answer) -> None:
    place, body, taken_back = case.place(dataset), dataset.body, removal.body["taken_back"]
    replaced = parent_of(removal, "dataset", case.records)
    old, removed = replaced.body, removal.body["records"] or []
    if not taken_back and parents_of(removal, "execution", case.records) != parents_of(
        dataset, "execution", case.records
    ):
        answer.fail("removal_spliced", place, "another vote made it than the removal that it rests on")
    if (body["digest"], body["replaces"]) != (removal.body["successor"], removal.body["digest"]):
        answer.fail("dataset_not_approved", place, "it is not what the removal left of the dataset")
    changed = [name for name in _KEPT if not same(body.get(name), old.get(name))]
    if changed:
        answer.fail("replaced_wrong", place, f"its {', '.join(changed)} is not that of the dataset it replaces")
    if body["records"] != old["records"] - len(removed):
        detail = f"{old['records']} records less {len(removed)} are not {body['records']}"
        answer.fail("replaced_wrong", place, detail)
    before, now = _rows_by_contributor(replaced), _rows_by_contributor(dataset)
    if taken_back and now != {owner: rows for owner, rows in before.items() if owner != taken_back["by"]}:
        answer.fail("replaced_wrong", place, "what is left is not every row of everybody else")
    if any(
        rows > before.get(owner, {}).get(language, 0)
        for owner, counted in now.items()
        for language, rows in counted.items()
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
        if removal.body["digest"] in named and removed_at(removal, case) <= approved:
            detail = f"it trains on {removal.body['digest']}, which had been removed"
            answer.fail("dataset_removed", case.place(spec), detail)
