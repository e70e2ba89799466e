"""fsck: silent on a sound database; and whatever is changed, taken away, slipped in or swapped in one, it names the place.

The triggers that forbid this are dropped first: an operator with the file can do as much. Every column of every row of
every table that holds evidence is changed once, except those listed in `TABLES` with the reason.
"""

import importlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models, transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from governance import fsck
from governance.evidence.record import Record as RecordValue
from governance.fields import PowerField
from governance.models import (
    Ballot,
    CensusEntry,
    Checkpoint,
    Community,
    Council,
    CountSoFar,
    Delegation,
    Event,
    GuardianVoice,
    ImportedBallot,
    ImportedVote,
    LogNode,
    Proposal,
    Record,
    Sponsorship,
    Tree,
)
from tests.faults import everything
from tests.integration import commons
from tests.integration.conftest import NOON
from tests.integration.test_races import using
from tests.testbed import migrated

Held = Proposal.delegations.through
APPEND_ONLY = (Record, Event, LogNode, Checkpoint)
ROWS_OF_A_KIND = 2
ROWS_OF_ONE_KIND = 6
# The tables that hold evidence, and their columns that no record and no leaf repeats.
TABLES: dict[type[models.Model], set[str]] = {
    Record: {"created_at"},  # when this copy of it was made
    Event: set(),
    LogNode: set(),
    Checkpoint: {"at"},  # a signed note carries no time
    Community: {"description_en", "description_fr", "created_at"},
    Council: set(),
    Delegation: set(),
    Proposal: {"timing", "created_at"},  # the draft's; its result is frozen
    Held: set(),
    CensusEntry: set(),
    Tree: set(),
    Ballot: set(),
    Sponsorship: set(),
    GuardianVoice: set(),
    # a copy for pages, which look only at that of a vote that has closed; over time it is a picture, and decides nothing
    CountSoFar: {"at", "proposal", "over_time"},
    ImportedVote: set(),
    ImportedBallot: set(),
}
# Nothing remembers a checkpoint but who keeps a copy; the copy for pages is made again from the ballots.
MAY_GO = (Checkpoint, CountSoFar)
# A draft is its author's to change; only what happened to it is in the log.
OF_DRAFTS = {"community", "author", "record", "submitted_at", "seeks_sponsors", "canceled_at", "canceled_by"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where files lie that belong to this database and to no other test."""
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="module")
def kept(module_db: None, django_db_blocker: DjangoDbBlocker, files: Path) -> everything.Everything:
    """Everything, made once: each test puts back what it changes. No chain is asked."""
    with (
        django_db_blocker.unblock(),
        override_settings(VOTING_PERIOD_SECONDS_MIN=1, CHAIN_RPC="http://127.0.0.1:9", ARTIFACTS_DIR=files),
    ):
        return everything.make(lambda members, **rules: commons.found(NOON, members, **rules))


@pytest.fixture
def sound(kept: everything.Everything, db: None, settings: Any, files: Path) -> everything.Everything:
    """Everything, in a database as it should be."""
    settings.ARTIFACTS_DIR = files
    return kept


@pytest.fixture
def made(sound: everything.Everything) -> everything.Everything:
    """Everything, without the triggers."""
    back = importlib.import_module("governance.migrations.0002_evidence_is_append_only").SQLITE_BACK
    with connection.cursor() as cursor:
        for statement in back:
            cursor.execute(statement)
    return sound


@contextmanager
def undone() -> Iterator[None]:
    """Take back what happens inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def named(table: str, *keys: object) -> bool:
    """Say whether fsck names this table, and this row if it says a row's key."""
    wanted = {str(key) for key in keys}
    rows = (found for found in fsck.check(signatures=False) if found.table == table)
    return any(not wanted or found.key in wanted or not found.key.isdigit() for found in rows)


def anything() -> bool:
    """Say whether fsck finds anything at all."""
    return next(fsck.check(signatures=False), None) is not None


def other(field: models.Field, row: models.Model) -> Any:  # noqa: PLR0911 - one for each kind of column
    """Return another value for a column of a row."""
    value = getattr(row, field.attname)
    if isinstance(field, models.ForeignKey):
        rows = field.related_model.objects.exclude(pk=value)
        used = type(row).objects.values(field.attname) if field.unique else []
        return rows.exclude(pk__in=list(used.values_list(field.attname, flat=True)) if field.unique else []).first()
    if isinstance(field, PowerField):
        return 1 if value is None else int(value) + 1
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.IntegerField):
        return 1 if value is None else value + 1
    if isinstance(field, models.DateTimeField):
        return (value or NOON) + timedelta(seconds=1)
    if isinstance(field, models.BinaryField):
        return bytes([value[0] ^ 1]) + bytes(value[1:]) if value else b"\x00" * 32
    if isinstance(field, models.JSONField):
        return changed_json(value)
    assert isinstance(field, models.CharField | models.TextField), field
    return (value or "")[:-1] + ("0" if not value or value[-1] != "0" else "1")


def changed_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, "more": 1}
    if isinstance(value, list):
        return value[:-1] if value else [1]
    return {"more": 1} if value is None else [value]


def rows_of(model: type[models.Model]) -> list[models.Model]:
    """Return some rows of each kind, the newest and the oldest: each change of one is a check of the whole database.

    Of censuses and copies for pages, those that are finished are evidence.
    """
    rows = model.objects.order_by("pk")
    if model is CensusEntry:
        rows = rows.filter(proposal__census_record__isnull=False)
    if model is CountSoFar:
        rows = rows.filter(proposal__passed__isnull=False)
    kinds: dict[str, list[models.Model]] = {}
    for row in rows:
        kinds.setdefault(getattr(row, "kind", ""), []).append(row)
    most = ROWS_OF_A_KIND if len(kinds) > 1 else ROWS_OF_ONE_KIND
    return [row for found in kinds.values() for row in dict.fromkeys([*found[: most // 2], *found[-(most // 2) :]])]


def columns(row: models.Model) -> list[models.Field]:
    """Return the columns of a row that are evidence."""
    fields = [field for field in row._meta.concrete_fields if field.name not in TABLES[type(row)]]
    if not isinstance(row, Record | Tree):
        fields = [field for field in fields if not field.primary_key]
    if isinstance(row, Proposal) and row.record_id is None:
        fields = [field for field in fields if field.name in OF_DRAFTS]
    return fields


def test_a_sound_database_has_nothing_wrong_with_it(sound):
    assert [str(found) for found in fsck.check()] == []
    assert told()[1] == "nothing is wrong\n"


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.db_table)
def test_every_column_of_every_kind_of_row_is_watched(made, model):
    table = model._meta.db_table
    tried = 0
    missed = []
    for row in rows_of(model):
        for field in columns(row):
            value = other(field, row)
            with undone():
                try:
                    with transaction.atomic():
                        model.objects.filter(pk=row.pk).update(**{field.name: value})
                except IntegrityError:
                    continue  # the database itself does not allow it
                tried += 1
                # The leaf of a draft's event does not say which draft: the draft and its sponsors do.
                moved = model is Event and field.name == "proposal" and row.kind.startswith("draft_")
                if not (anything() if moved else named(table, row.pk, value if field.primary_key else row.pk)):
                    missed.append((row.pk, field.name, value))
    assert not missed
    assert tried


def test_a_row_that_is_taken_away_is_missed(made):
    missed = []
    for model in TABLES.keys() - set(MAY_GO):
        for row in rows_of(model):
            with undone():
                with connection.cursor() as cursor:
                    cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {model._meta.pk.column} = %s", [row.pk])
                if not anything():
                    missed.append((model, row.pk, str(row)))
    assert not missed


def copied(row: models.Model, **changes: Any) -> models.Model:
    """Store the row again as another one."""
    copy = type(row).objects.get(pk=row.pk)
    copy.pk, copy._state.adding = None, True
    for name, value in changes.items():
        setattr(copy, name, value)
    copy.save(force_insert=True)
    return copy


def spare(**other_: Any) -> Record:
    """Store a record that nothing asked for."""
    value = RecordValue.make(other_.pop("kind", "note"), other_.pop("subject", "note:1"), {"spare": 1}, ())
    return Record.objects.create(
        digest=value.digest, kind=value.kind, subject=value.subject, canonical=value.canonical().decode()
    )


ADDITIONS: dict[str, Callable[[], object]] = {
    "governance_event": lambda: copied(Event.objects.last(), position=Community.objects.get(slug="gardens").log_size),
    "governance_lognode": lambda: copied(LogNode.objects.filter(level=0).last(), index=1_000),
    "governance_checkpoint": lambda: copied(Checkpoint.objects.last(), size=3),
    "governance_ballot": lambda: copied(
        Ballot.objects.last(), voter="0x" + "1" * 40, voter_key="0x" + "1" * 40, nonce=99, record=spare()
    ),
    "governance_delegation": lambda: copied(Delegation.objects.last(), nonce=99, topic="poll", record=spare()),
    "governance_council": lambda: copied(Council.objects.last(), record=spare()),
    "governance_sponsorship": lambda: copied(Sponsorship.objects.last(), sponsor="0x" + "1" * 40),
    "governance_guardianvoice": lambda: copied(GuardianVoice.objects.last(), guardian="0x" + "1" * 40),
    "governance_censusentry": lambda: copied(
        CensusEntry.objects.first(), voter="0x" + "1" * 40, voter_key="0x" + "1" * 40
    ),
    "governance_importedvote": lambda: copied(ImportedVote.objects.last(), external_id="other", record=spare()),
    "governance_importedvote ": lambda: copied(ImportedBallot.objects.last(), voter="0x" + "1" * 40),
    "governance_proposal": lambda: copied(Proposal.objects.filter(record=None).first(), number=99),
    "governance_proposal_delegations": lambda: copied(
        Held.objects.first(), delegation_id=Delegation.objects.filter(share_bps=0).get().pk
    ),
    "governance_tree": lambda: Tree.objects.create(record=spare(), first_keys=[], blocks=b""),
}


def test_a_row_that_is_slipped_in_is_found(made):
    for table, add in ADDITIONS.items():
        with undone():
            add()
            assert named(table.strip()), table


KINDS = ("ballot", "census", "charter", "community", "council", "decision", "delegation", "execution")


def test_a_record_that_belongs_to_nothing_is_found(made):
    for kind in (*KINDS, "imported_vote", "proposal", "tally"):
        with undone():
            record = spare(kind=kind, subject=f"{kind}:gardens")
            assert named("governance_record", record.digest), kind


def swap(model: type[models.Model], one: models.Model, two: models.Model, name: str) -> None:
    """Exchange one column of two rows; what must be unique passes through a third value."""
    first, second = getattr(one, name), getattr(two, name)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA defer_foreign_keys = ON")
    model.objects.filter(pk=one.pk).update(**{name: "between" if isinstance(first, str) else 10**9})
    model.objects.filter(pk=two.pk).update(**{name: first})
    model.objects.filter(pk=one.pk).update(**{name: second})


def test_events_in_another_order_are_found(made):
    one, two = Event.objects.filter(kind="ballot_cast").order_by("pk")[:2]
    three = Event.objects.filter(kind="proposal_submitted").earliest("pk")
    for name in ("position", "leaf", "kind"):
        for pair in ((one, two), (two, three)):
            if getattr(pair[0], name) != getattr(pair[1], name):
                with undone():
                    swap(Event, *pair, name)
                    table = "governance_lognode" if name == "position" else "governance_event"
                    assert named(table), (name, pair)


def test_two_rows_that_are_swapped_are_found(made):
    censuses = CensusEntry.objects.filter(proposal__census_record__isnull=False)
    leaves = LogNode.objects.filter(level=0)
    cases = [
        (Ballot.objects.all(), "record_id"),
        (Delegation.objects.all(), "record_id"),
        (Ballot.objects.all(), "position"),
    ]
    for rows, name in (*cases, (censuses, "power"), (leaves, "index")):
        one = rows.order_by("pk")[0]
        two = next(row for row in rows.order_by("pk") if getattr(row, name) != getattr(one, name))
        with undone():
            swap(type(one), one, two, name)
            assert named(type(one)._meta.db_table), name


def test_a_log_that_was_cut_and_written_anew_contradicts_its_checkpoint(made):
    """The attacker has the database, and computes the whole tree again, but cannot sign."""
    community = made.community
    last = community.events.order_by("position").last()
    assert last is not None
    events = list(community.events.order_by("position"))[:-1]
    Event.objects.filter(pk=last.pk).update(data={"rewritten": True})
    Event.objects.filter(pk__in=[event.pk for event in [*events, last]]).delete()
    LogNode.objects.filter(community=community).delete()
    Community.objects.filter(pk=community.pk).update(log_size=0)
    from governance import log

    fresh = [
        Event(
            community=community,
            proposal=event.proposal,
            at=event.at,
            kind=event.kind,
            actor=event.actor,
            data=event.data,
        )
        for event in events
    ]
    for event in [*fresh, Event(community=community, at=last.at, kind="statement_made", actor="0x")]:
        said = log.leaf_of
        event.leaf = ""
        draft = event.kind.startswith("draft_")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                log, "leaf_of", lambda row, said=said, draft=draft: {**said(row), **({"proposal": ""} if draft else {})}
            )
            log.append(community.pk, [event])
    assert named("governance_checkpoint")


def test_a_forged_signature_is_found_even_where_record_and_log_agree(made):
    """Whoever writes a record of a ballot that nobody signed gets everything right but the signature."""
    found = {str(each) for each in fsck.check()}
    assert not found
    original = fsck.ballots.eip712.ballot_digest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fsck.ballots.eip712, "ballot_digest", lambda **fields: original(**{**fields, "reason": "other"}))
        forged = [each for each in fsck.check() if each.table == "governance_ballot"]
        assert {each.what for each in forged} == {"signature"}
        assert len(forged) == Ballot.objects.count()
        assert not list(fsck.check(signatures=False))


DAMAGE = [
    ("governance_record", "canonical", "{}"),
    ("governance_record", "canonical", "[" * 200),
    ("governance_record", "canonical", ""),
    ("governance_community", "instance", "http://[broken"),
    ("governance_ballot", "power", "many"),
    ("governance_ballot", "choice", "{"),
    ("governance_proposal", "rules", "[]"),
    ("governance_proposal", "payload", "null"),
    ("governance_event", "data", "5"),
    ("governance_event", "at", "yesterday"),
    ("governance_importedvote", "result", "{}"),
    ("governance_importedballot", "signed", "5"),
    ("governance_checkpoint", "note", ""),
]


def test_a_database_that_is_damaged_all_over_is_reported_and_never_a_crash(made):
    for table, column, value in DAMAGE:
        with undone():
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA ignore_check_constraints = ON")
                cursor.execute(f"UPDATE {table} SET {column} = %s", [value])
                cursor.execute("PRAGMA ignore_check_constraints = OFF")
            assert [str(each) for each in fsck.check()], (table, column, value)


# --- the command --------------------------------------------------------------------------------------------------


def told(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("fsck", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_numbers_its_findings_and_ends_with_one(made):
    ballot = Ballot.objects.order_by("pk").first()
    assert ballot is not None
    Ballot.objects.filter(pk=ballot.pk).update(reason="Forged.")
    code, text = told()
    assert code == 1
    assert f"governance_ballot {ballot.pk}: reason: expected , found Forged." in text
    assert text.startswith("1. ")
    assert told("--community", "orchards") == (0, "nothing is wrong\n")
    assert told("--community", "gardens", "--skip-signatures")[0] == 1
    assert told("--limit", "1")[1].splitlines()[-1] == "1 findings; there may be more"
    with pytest.raises(CommandError):
        call_command("fsck", "--community", "nobody")


# --- the triggers -------------------------------------------------------------------------------------------------


def test_the_database_itself_refuses_to_change_or_delete_evidence(sound):
    refuses_changes()


@pytest.mark.postgres
def test_postgresql_refuses_too_and_fsck_reads_it_as_well(settings, django_db_blocker):
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    with django_db_blocker.unblock(), migrated.postgresql() as url, using(url):
        everything.make(lambda members, **rules: commons.found(NOON, members, **rules))
        assert [str(found) for found in fsck.check()] == []
        refuses_changes()


def refuses_changes() -> None:
    for model in APPEND_ONLY:
        row = model.objects.order_by("pk")[0]
        for field in model._meta.concrete_fields:
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                model.objects.filter(pk=row.pk).update(**{field.name: getattr(row, field.attname)})
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            model.objects.filter(pk=row.pk)._raw_delete(using="default")
