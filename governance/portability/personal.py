"""What governance keeps about people: readers, who signs in, what members say of themselves, and what they signed."""

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Q

from governance.models import (
    Account,
    Ballot,
    CensusEntry,
    Consultation,
    Delegation,
    Event,
    GuardianVoice,
    ImportedBallot,
    KnownName,
    Member,
    OwnerSignature,
    Proposal,
    SealedBallot,
    SealingKey,
    SignInLink,
    Sponsorship,
    Visit,
)
from governance.portability.person import Person, Stays, shown
from governance.readers import accounts

SIGNED = "it was signed in public, and the results rest on it"
LOGGED = "the community's log is append-only: without this line no later proof would hold"


class Follows:
    """The reader with everything about them: e-mail, passkeys, preferences, inbox, letters, follows."""

    def held(self, person: Person) -> dict[str, Any]:
        """Return what readers are shown of themselves."""
        if person.reader is not None:
            return {name: _plain(rows) for name, rows in accounts.kept_about(person.reader).items()}
        links = SignInLink.objects.filter(email=person.email) if person.email else SignInLink.objects.none()
        return {"signinlink": [shown(link, "digest") for link in links]}

    def erase(self, person: Person, now: datetime) -> dict[str, int]:
        """Erase the reader; sessions end with it."""
        links = SignInLink.objects.filter(email=person.email).delete()[0] if person.email else 0
        if person.reader is not None:
            accounts.erase(person.reader, now)
        return {"readers": int(person.reader is not None), "links": links}

    def stays(self, person: Person) -> list[Stays]:
        """Nothing of a reader stays."""
        del person
        return []


class SignsIn:
    """The account of a wallet, its sessions, when it was here last, and what a resolver told of it."""

    def held(self, person: Person) -> dict[str, Any]:
        """Return account, visit, told name and how many sessions are open."""
        account = _account(person)
        visit = Visit.objects.filter(address=person.address).first() if person.address else None
        told = KnownName.objects.filter(address=person.address).first() if person.address else None
        return {
            "account": shown(account, "id", "password") if account else None,
            "visit": shown(visit, "id") if visit else None,
            "told_name": shown(told, "id", "picture") if told else None,
            "sessions": len(_sessions(account)) if account else 0,
        }

    def erase(self, person: Person, now: datetime) -> dict[str, int]:
        """Erase them. An operator's account stays: another operator removes it."""
        del now
        account = _account(person)
        sessions = _sessions(account) if account else []
        Session.objects.filter(pk__in=sessions).delete()
        gone = account is not None and not account.is_staff
        if account is not None and gone:
            account.delete()
        visits = Visit.objects.filter(address=person.address).delete()[0] if person.address else 0
        told = KnownName.objects.filter(address=person.address).delete()[0] if person.address else 0
        return {"accounts": int(gone), "sessions": len(sessions), "visits": visits, "told_names": told}

    def stays(self, person: Person) -> list[Stays]:
        """Return the account of an operator."""
        operators = Account.objects.filter(address=person.address, is_staff=True)
        return [Stays("operator", operators, "", "an operator of this site: another operator removes the account")]


class SaysOfThemselves:
    """Names and statements of members, and drafts that nobody else was shown; and what somebody signed."""

    def held(self, person: Person) -> dict[str, Any]:
        """Return names, statements and drafts."""
        return {
            "members": [shown(row, "id") for row in _members(person)],
            "drafts": [shown(row) for row in _drafts(person)],
        }

    def erase(self, person: Person, now: datetime) -> dict[str, int]:
        """Blank them: pages show the address alone."""
        del now
        members = _members(person).exclude(name="", statement="").update(name="", statement="")
        content = {"title": "", "text": "", "payload": {}, "timing": {}, "choices": [], "payload_digest": ""}
        drafts = _drafts(person).exclude(title="", text="").update(**content)
        return {"members": members, "drafts": drafts}

    def stays(self, person: Person) -> list[Stays]:
        """Return what was signed or done in public under the address."""
        at = person.address
        if not at:
            return []
        submitted = Q(submitted_at__isnull=False) | Q(seeks_sponsors=True) | Q(shared_at__isnull=False)
        delegations = Delegation.objects.filter(Q(delegator=at) | Q(delegate=at))
        owned = OwnerSignature.objects.filter(owner=at)
        census = "the census of a vote names who could vote: its root is published"
        brought = "a vote that was brought from elsewhere, where it is public, too"
        return [
            Stays("ballots", Ballot.objects.filter(voter=at), "the page of the vote, the log, bundles", SIGNED),
            Stays("wallets' ballots", owned, "the page of the vote, until it is over", SIGNED),
            Stays("sealed ballots", SealedBallot.objects.filter(voter=at), "the log and bundles", SIGNED),
            Stays("keys for sealed ballots", SealingKey.objects.filter(keyholder=at), "bundles and the log", SIGNED),
            Stays("delegations", delegations, "the page of delegates, the log, bundles", SIGNED),
            Stays("proposals", Proposal.objects.filter(submitted, author=at), "their pages and the log", SIGNED),
            Stays("sponsorships", Sponsorship.objects.filter(sponsor=at), "the page of the proposal", SIGNED),
            Stays("guardian voices", GuardianVoice.objects.filter(guardian=at), "the page of the proposal", LOGGED),
            Stays("consultations", Consultation.objects.filter(author=at), "their pages and the log", LOGGED),
            Stays("census entries", CensusEntry.objects.filter(voter=at), "the page of the vote, bundles", census),
            Stays("imported ballots", ImportedBallot.objects.filter(voter=at), "the history", brought),
            Stays("events", Event.objects.filter(actor=at, position__isnull=False), "the log", LOGGED),
        ]


def _account(person: Person) -> Account | None:
    return Account.objects.filter(address=person.address).first() if person.address else None


def _sessions(account: Account) -> list[str]:
    """Return the sessions of an account: they say whose they are only when read."""
    rows = Session.objects.iterator(chunk_size=500)
    return [row.session_key for row in rows if row.get_decoded().get(SESSION_KEY) == str(account.pk)]


def _members(person: Person) -> Any:  # noqa: ANN401 - a set of rows
    return Member.objects.filter(address=person.address) if person.address else Member.objects.none()


def _drafts(person: Person) -> Any:  # noqa: ANN401 - a set of rows
    own = Proposal.objects.filter(author=person.address, submitted_at__isnull=True, seeks_sponsors=False)
    own = own.filter(shared_at__isnull=True)
    return own if person.address else Proposal.objects.none()


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return what `kept_about` gives with moments as text."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime) else value
