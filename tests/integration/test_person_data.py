"""What is kept about somebody: given to them whole, erased where it is private; what they signed stays, and is named."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from governance import clock, fsck
from governance.errors import Invalid
from governance.models import (
    Account,
    Ballot,
    Event,
    KnownName,
    Member,
    Passkey,
    Preference,
    Proposal,
    Reader,
    SignInLink,
    Visit,
)
from governance.portability.person import Person, erase_person, export_person, find
from governance.readers import accounts
from models_registry import fsck as registry
from models_registry.models import Dataset, DatasetUpload, RemovalRequest
from tests.integration import readers_told
from tests.integration.commons import Commons
from tests.integration.conftest import NOON
from tests.integration.hub_site import artifacts
from tests.integration.test_contacts import asked
from tests.integration.test_rights import SOURCE, by_prefix, included, place
from tests.integration.test_rows_by_kind import Place
from training_jobs.models import Runner, RunnerToken

LEA = "lea@example.org"
FOR = 1
SECRETS = ("stamp", "handle", "public_key", "password", "salt")


@pytest.fixture
def lived(list_community: Callable[..., Commons]) -> Commons:
    """Alice: reader, member, voter, author and lender of a machine."""
    commons = list_community()
    alice = commons.address("Alice")
    reader = readers_told.reader(NOON, address=alice, email=LEA)
    readers_told.follow(reader, commons.community, NOON)
    Preference.objects.create(reader=reader, topic="votes", channel="weekly")
    Passkey.objects.create(
        reader=reader, credential="c", handle="h", public_key=b"k", sign_count=0, name="k", made_at=NOON
    )
    SignInLink.objects.create(digest="d" * 64, purpose="join", email=LEA, language="en", network="n", asked_at=NOON)
    Visit.objects.create(address=alice, at=NOON)
    KnownName.objects.create(address=alice, name="alice.river.eth", ask_again_at=NOON, told_at=NOON)
    account = Account.objects.create(address=alice)
    Client().force_login(account)
    Member.objects.filter(address=alice).update(name="Alice A.", statement="I read everything.")
    commons.vote(commons.propose(), "Alice", FOR)
    Proposal.objects.filter(pk=commons.draft().pk).update(title="My own draft")
    machine = Runner.objects.create(
        community=commons.community, owner=alice, name="shed", created_at=NOON, capabilities={"host": "alices-pc"}
    )
    RunnerToken.objects.create(
        runner=machine, digest="e" * 64, scopes=["runs"], days=1, created_at=NOON, expires_at=NOON
    )
    return commons


def by(kept: dict[str, Any], what: str) -> dict[str, Any]:
    return next(each for each in kept["stays"] if each["what"] == what)


def test_somebody_gets_everything_by_address_or_by_email_and_no_secrets(lived: Commons) -> None:
    alice = lived.address("Alice")
    kept = export_person(find(alice), NOON)
    assert export_person(find(LEA), NOON) == kept
    assert (kept["address"], kept["email"]) == (alice, LEA)
    follows = kept["private"]["Follows"]
    assert follows["reader"]["email"] == LEA
    assert [len(follows[name]) for name in ("follow", "passkey", "preference", "signinlink")] == [1, 1, 1, 1]
    assert kept["private"]["SignsIn"]["account"]["address"] == alice
    assert kept["private"]["SignsIn"]["sessions"] == 1
    assert kept["private"]["SignsIn"]["told_name"]["name"] == "alice.river.eth"
    said = kept["private"]["SaysOfThemselves"]
    assert said["members"][0]["statement"] == "I read everything."
    assert said["drafts"][0]["title"] == "My own draft"
    assert kept["private"]["Machines"]["runners"][0]["capabilities"] == {"host": "alices-pc"}
    ballot = by(kept, "ballots")
    assert [row["choice"] for row in ballot["rows"]] == [FOR]
    assert ballot["where"]
    assert ballot["why"]
    text = json.dumps(kept)
    for secret in (*SECRETS, "d" * 64, "e" * 64):
        assert f'"{secret}"' not in text


def test_what_is_private_goes_and_what_was_signed_stays_and_verifies(lived: Commons) -> None:
    alice = lived.address("Alice")
    before = Event.objects.count()
    done = erase_person(find(LEA), NOON)
    assert done["erased"]["Follows"]["readers"] == 1
    for model in (Reader, Passkey, Preference, SignInLink, Visit, KnownName, Account, RunnerToken):
        assert not model.objects.exists(), model
    member = Member.objects.get(address=alice)
    assert (member.name, member.statement) == ("", "")
    assert not Proposal.objects.filter(title="My own draft").exists()
    runner = Runner.objects.get()
    assert (runner.capabilities, runner.revoked_at) == ({}, NOON)
    assert Ballot.objects.filter(voter=alice).exists()
    assert {"ballots", "proposals", "events", "census entries", "runners"} <= {each["what"] for each in done["stays"]}
    assert all(each["why"] for each in done["stays"])
    assert Event.objects.count() == before + 1, "only that the machine was shut out"
    assert [str(found) for found in fsck.check()] == []
    again = erase_person(find(alice), NOON)
    assert {name: count for part in again["erased"].values() for name, count in part.items() if count} == {"runners": 1}


def test_nobody_else_loses_anything(lived: Commons) -> None:
    other = readers_told.reader(NOON, email="max@example.org")
    Member.objects.filter(address=lived.address("Bob")).update(statement="Mine.")
    erase_person(find(lived.address("Alice")), NOON)
    assert Reader.objects.get() == other
    assert Member.objects.get(address=lived.address("Bob")).statement == "Mine."


def test_an_operator_keeps_the_account_and_is_told_why(lived: Commons) -> None:
    Account.objects.update(is_staff=True)
    done = erase_person(find(lived.address("Alice")), NOON)
    assert Account.objects.exists()
    assert "another operator" in by(done, "operator")["why"]


def test_contacts_go_by_email_even_of_somebody_who_never_signed_in(place: Place) -> None:
    dataset = included(place, by_prefix(place.commons))
    request = asked(dataset, place.moment)
    kept = export_person(find(request.contact), place.moment)
    assert kept["private"]["Contacts"]["requests"][0]["reason"] == "Mine."
    done = erase_person(find(request.contact), place.moment)
    assert done["erased"]["Contacts"]["requests"] == 1
    request.refresh_from_db()
    assert (request.contact, request.salt) == ("", "")
    sources = export_person(find(SOURCE["contact"]), place.moment)["private"]["Contacts"]["sources"]
    assert [each["dataset"] for each in sources] == [dataset.digest]
    assert erase_person(find(SOURCE["contact"]), place.moment)["erased"]["Contacts"]["sources"] == 1
    assert Dataset.objects.get(pk=dataset.pk).sources[0]["contact"] == ""
    broken = [str(found) for found in registry.check_one(place.commons.community) if "removal" in found.table]
    assert broken == []


def test_files_on_their_way_in_go_too(lived: Commons) -> None:
    DatasetUpload.objects.create(
        community=lived.community,
        actor=lived.address("Alice"),
        name="a.jsonl",
        size=1,
        sha256="0" * 64,
        created_at=NOON,
    )
    assert erase_person(find(lived.address("Alice")), NOON)["erased"]["Uploads"] == {"uploads": 1}
    assert not DatasetUpload.objects.exists()


@pytest.mark.parametrize("text", ["", "0x12", "nobody", "a b@example.org", "x" * 5_000, "\x00@example.org"])
def test_what_is_neither_an_address_nor_an_email_is_refused(db: None, text: str) -> None:
    with pytest.raises(Invalid):
        find(text)


def test_a_stranger_has_nothing_here(db: None) -> None:
    stranger = find("stranger@example.org")
    assert stranger == Person("", "stranger@example.org", None)
    kept = export_person(stranger, NOON)
    assert kept["stays"] == []
    assert not any(value for part in kept["private"].values() for value in part.values())


def test_the_commands_ask_before_they_erase(lived: Commons, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("export_person", LEA)
    assert json.loads(capsys.readouterr().out)["email"] == LEA
    call_command("erase_person", LEA)
    assert "nothing was changed" in capsys.readouterr().out
    assert Reader.objects.exists()
    call_command("erase_person", LEA, really=True)
    assert json.loads(capsys.readouterr().out)["erased"]["Follows"] == {"links": 1, "readers": 1}
    assert not Reader.objects.exists()
