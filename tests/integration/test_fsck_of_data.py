"""fsck on data, rules and what people asked: silent where all is sound, and one row or file broken at a time is named.

A dataset lost rows by a vote, another by the rule on taking back; requests were made, declined and answered; rules were
adopted, changed and repealed; one file is sent in parts and one is taken in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from governance import clock
from governance.fsck import Finding
from governance.models import Community, Proposal
from models_registry import fsck
from models_registry.datasets import registering, uploads
from models_registry.models import (
    Dataset,
    DatasetIntake,
    DatasetUpload,
    EthicsRule,
    Removal,
    RemovalRequest,
)
from models_registry.rights import services
from models_registry.rights.services import Asking
from models_registry.rights.settling import contributions_path
from tests.integration.test_registry_fsck import DAY, changed, removed, spare_record, undone
from tests.integration.test_rights import by_prefix, included, place  # noqa: F401 - fixtures
from tests.integration.test_rights import removed as voted_out
from tests.integration.test_rows_by_kind import RULE, Place


@dataclass(frozen=True)
class Site:
    """The rows that the cases break."""

    community: Community
    voted: Removal
    taken_back: Removal

    @property
    def declined(self) -> Any:
        return RemovalRequest.objects.filter(declined_at__isnull=False)

    @property
    def ended(self) -> Any:
        return EthicsRule.objects.filter(repeal_record__isnull=False)

    @property
    def changed_rule(self) -> Any:
        return EthicsRule.objects.filter(replaced_by__isnull=False)


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> None:
    """Keep files of other tests apart: they have no rows here."""
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


@pytest.fixture
def site(place: Place) -> Site:  # noqa: F811 - the fixture
    commons = place.commons
    first = included(place, by_prefix(commons))
    council = commons.elect("Alice", "Bob", seats=1, now=place.moment)
    place.moment = council.elected_at + DAY

    def asked(record: str) -> RemovalRequest:
        asking = Asking(first.digest, "records", "Mine.", records=(record,), contact="zoe@example.org")
        return services.ask(asking, "", place.moment)

    services.decline(asked("bob-001").reference, commons.address("Alice"), "It is public.", place.moment)
    voted = voted_out(place, first, records=["bob-003"], request=asked("bob-003").reference)
    assert voted.successor is not None
    place.passed("taking_back", {"allowed": True, "days": 30})
    asking = Asking(voted.successor.digest, "contributor", "No more.")
    services.ask(asking, commons.address("Bob"), place.moment)
    taken_back = Removal.objects.get(proposal__isnull=True)
    assert taken_back.successor is not None
    place.passed("dataset_inclusion", {"digest": taken_back.successor.digest})
    rule = EthicsRule.objects.get(revoked_at__isnull=True)
    place.passed("rule_change", {"rule": {**rule.to_dict(), "why": "One season showed it."}})
    other = {**RULE, "slug": "another", "title": "Another", "suite": place.suite.digest}
    place.passed("ethics_rule", {name: value for name, value in other.items() if name in rule.to_dict()})
    place.passed("rule_repeal", {"slug": "another", "reason": "It was one too many."})
    sent = {"community": commons.community, "actor": commons.address("Alice"), "created_at": place.moment}
    parts = DatasetUpload.objects.create(name="a.jsonl", size=10, sha256="a" * 64, **sent)
    uploads.path_of(parts).parent.mkdir(parents=True, exist_ok=True)
    uploads.path_of(parts).write_bytes(b"12345")
    whole = DatasetUpload.objects.create(name="b.jsonl", size=10, sha256="b" * 64, **sent)
    DatasetIntake.objects.create(
        community=commons.community,
        actor=commons.address("Alice"),
        source={"kind": "upload", "name": "b.jsonl", "sha256": "b" * 64},
        asked={"title": "B"},
        upload=whole,
        requested_at=place.moment,
        next_at=place.moment,
    )
    return Site(commons.community, voted, taken_back)


def found(site: Site) -> list[Finding]:
    return [*fsck.check_one(site.community), *fsck.check_dataset_files()]


def of(removal: Removal) -> Any:
    return Removal.objects.filter(pk=removal.pk)


def replaced(removal: Removal) -> Any:
    return Dataset.objects.filter(pk=removal.dataset_id)


def left(removal: Removal) -> Any:
    return Dataset.objects.filter(pk=removal.successor_id)


# What is broken → the table that must be named, and the column or aspect.
CASES: list[tuple[str, Callable[[Site], Any], str, str]] = [
    ("a dataset of another licence", lambda s: changed(left(s.voted), license="MIT"), "dataset", "license"),
    ("a dataset of more rows", lambda s: changed(left(s.voted), records=99), "dataset", "records"),
    ("a dataset with other shards", lambda s: changed(left(s.voted), shards=[]), "dataset", "shards"),
    ("a dataset with other scans", lambda s: changed(replaced(s.voted), scans=[]), "dataset", "scans"),
    ("a dataset from another source", lambda s: changed(left(s.taken_back), sources=[]), "dataset", "sources"),
    ("a dataset of other contributors", lambda s: changed(replaced(s.voted), contributors=[]), "dataset", "contributors"),
    ("a dataset with another record", lambda s: changed(left(s.taken_back), inclusion_record=spare_record()), "dataset", "slug"),
    ("a dataset of another vote", lambda s: changed(left(s.taken_back), proposal=s.voted.proposal), "dataset", "proposal"),
    ("a dataset that no vote included", lambda s: changed(left(s.taken_back), included_at=None), "event", "dataset_included"),
    ("a registration without a dataset", lambda s: removed(Dataset.objects.get(pk=s.voted.dataset_id)), "event", "dataset_registered"),
    ("a removal of other records", lambda s: changed(of(s.voted), records=["a" * 64]), "removal", "records"),
    ("a removal for another reason", lambda s: changed(of(s.taken_back), why="So."), "removal", "why"),
    ("a removal that is due later", lambda s: changed(of(s.voted), due_at=clock.now() + 999 * DAY), "removal", "due_at"),
    ("a removal after which nothing follows", lambda s: changed(of(s.voted), follow_up="none", follow_up_because="x", due_at=None), "removal", "follow_up"),
    ("a removal at another time", lambda s: changed(of(s.voted), removed_at=clock.now() + DAY), "removal", "removed_at"),
    ("a removal that left something else", lambda s: changed(of(s.voted), successor=s.taken_back.successor), "removal", "successor"),
    ("a removal of another dataset", lambda s: (removed(s.taken_back), changed(of(s.voted), dataset=s.taken_back.dataset)), "removal", "digest"),
    ("a removal without its record", lambda s: changed(of(s.taken_back), record=None), "removal", "record"),
    ("a removal by nobody's vote", lambda s: changed(of(s.voted), proposal=None), "removal", "taken_back"),
    ("a removal for another request", lambda s: changed(of(s.voted), request=s.declined.get()), "removal", "request"),
    ("a removal that is gone", lambda s: removed(s.taken_back), "event", "dataset_removed_by_rule"),
    ("a request with other words", lambda s: changed(s.declined, reason="Not mine."), "removalrequest", "digest"),
    ("a request by somebody else", lambda s: changed(s.declined, requester="0x" + "1" * 40), "removalrequest", "by"),
    ("a request about something else", lambda s: changed(s.declined, scope="source"), "removalrequest", "scope"),
    ("a request about another dataset", lambda s: changed(s.declined, dataset=s.taken_back.dataset), "removalrequest", "dataset"),
    ("a request without its salt", lambda s: changed(s.declined, salt=""), "removalrequest", "salt"),
    ("a request asked at another time", lambda s: changed(s.declined, asked_at=clock.now() - DAY), "removalrequest", "at"),
    ("a request declined for another reason", lambda s: changed(s.declined, declined_reason="No."), "removalrequest", "declined_reason"),
    ("a request declined in silence", lambda s: changed(RemovalRequest.objects.filter(declined_at=None), declined_at=clock.now(), declined_by="x", declined_reason="x"), "removalrequest", "declined_at"),
    ("a contact erased in silence", lambda s: changed(s.declined, contact_erased_at=clock.now()), "removalrequest", "contact_erased_at"),
    ("a contact that was not erased", lambda s: changed(s.declined, contact_erased_at=clock.now()), "removalrequest", "contact"),
    ("a request that is gone", lambda s: removed(s.declined.get()), "event", "removal_declined"),
    ("a vote on taking back without a trace", lambda s: changed(Proposal.objects.filter(kind="taking_back"), payload={"allowed": True, "days": 3}), "proposal", "rule"),
    ("a rule on taking back without a vote", lambda s: changed(Proposal.objects.filter(kind="taking_back"), executed_at=None), "record", "taking_back"),
    ("a rule with another bound", lambda s: changed(s.changed_rule, bound_numerator=0), "ethicsrule", "bound_numerator"),
    ("a rule that only warns", lambda s: changed(s.ended, severity="warn"), "ethicsrule", "severity"),
    ("a rule with another sunset", lambda s: changed(s.ended, sunset=1), "ethicsrule", "sunset"),
    ("a rule on another suite", lambda s: changed(s.ended, suite="f" * 64), "ethicsrule", "suite"),
    ("a rule on a suite that is not there", lambda s: removed(Dataset.objects.get(role="evaluation")), "ethicsrule", "suite"),
    ("a rule with another record", lambda s: changed(s.ended, record=spare_record()), "ethicsrule", "cannot be read"),
    ("a rule adopted at another time", lambda s: changed(s.ended, adopted_at=clock.now() - 9 * DAY), "ethicsrule", "adopted_at"),
    ("a rule that ended at another time", lambda s: changed(s.ended, revoked_at=clock.now() + DAY), "ethicsrule", "revoked_at"),
    ("a rule that has not ended", lambda s: changed(s.ended, revoked_at=None, revoked_by=None), "ethicsrule", "revoked_by"),
    ("a changed rule that has not ended", lambda s: changed(s.changed_rule, slug="old", revoked_at=None, revoked_by=None), "ethicsrule", "revoked_by"),
    ("a rule ended without a record", lambda s: changed(s.ended, repeal_record=None), "ethicsrule", "repeal_record"),
    ("a rule that is gone", lambda s: removed(s.ended.get()), "proposal", "rule"),
    ("an intake tried too often", lambda s: changed(DatasetIntake.objects.all(), attempts=99, fence=99), "datasetintake", "attempts"),
    ("an intake with a fence behind", lambda s: changed(DatasetIntake.objects.all(), attempts=2, fence=1), "datasetintake", "fence"),
    ("an intake without its file", lambda s: changed(DatasetIntake.objects.all(), upload=None), "datasetintake", "upload"),
    ("an intake that failed in silence", lambda s: changed(DatasetIntake.objects.all(), next_at=None, failed_at=clock.now()), "datasetintake", "failed_at"),
    ("a lease on an intake that is over", lambda s: changed(DatasetIntake.objects.all(), next_at=None, done_at=clock.now(), dataset=s.voted.dataset, lease_expires_at=clock.now()), "datasetintake", "lease_expires_at"),
    ("an upload of nothing", lambda s: changed(DatasetUpload.objects.filter(name="a.jsonl"), size=0), "datasetupload", "size"),
    ("an upload with more than was announced", lambda s: changed(DatasetUpload.objects.filter(name="a.jsonl"), size=4), "datasetupload", "size"),
    ("a part of a file that nobody announced", lambda s: removed(DatasetUpload.objects.get(name="a.jsonl")), "file", "upload"),
]  # fmt: skip


def test_every_broken_row_is_named_and_a_sound_community_has_none(site: Site) -> None:
    assert [str(each) for each in found(site)] == []
    missed = []
    for name, break_it, table, what in CASES:
        with undone():
            break_it(site)
            said = found(site)
            named = [each for each in said if each.table.endswith(table) and each.what == what]
            if not named or not all(each.todo for each in said):
                missed.append((name, [str(each) for each in said]))
    assert not missed
    assert [str(each) for each in found(site)] == []


def test_every_broken_file_of_a_dataset_is_named(place: Place) -> None:  # noqa: F811 - the fixture
    """Rows changed or gone, whose they are changed, and files that no dataset has."""
    dataset = included(place, by_prefix(place.commons))
    path = registering.dataset_path(dataset.digest)
    owners = contributions_path(path)
    content = path.read_bytes()

    def told() -> list[tuple[str, str, str]]:
        return [(each.table, each.key, each.what) for each in fsck.check_dataset_files() if each.todo]

    path.write_bytes(content[:-2] + b"x\n")
    assert told() == [("models_registry_dataset", dataset.digest, "rows")]
    path.unlink()
    assert told() == [("models_registry_dataset", dataset.digest, "rows")]
    path.write_bytes(content)
    owners.write_bytes(b"{}")
    assert told() == [("models_registry_dataset", dataset.digest, "contributions")]
    owners.unlink()
    assert told() == [("models_registry_dataset", dataset.digest, "contributions")]
    owners.write_bytes(b"")
    names = [f"{'e' * 64}.jsonl", f"{'e' * 64}.tree", "notes.txt"]
    for name in names:
        (path.parent / name).write_bytes(b"{}")
    assert [key for table, key, _what in told() if table == "file"] == sorted(names)
