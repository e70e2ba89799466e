"""What the work keeps about people: their machines, what these said of themselves, and who vouched for whom."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from governance.portability.person import Person, Stays, shown
from training_jobs.commons import newcomers
from training_jobs.models import (
    Attested,
    Inquiry,
    LedgerAccount,
    NewcomerAttestation,
    Preview,
    Runner,
    RunnerToken,
    Site,
)
from training_jobs.runners import services

NAMED = "the log names who did it"
SIGNED = "it was signed, and a verdict rests on it"


class Machines:
    """Machines that somebody lends, and their tokens."""

    def held(self, person: Person) -> dict[str, Any]:
        """Return them, without the digests of the tokens."""
        tokens = RunnerToken.objects.filter(runner__owner=person.address) if person.address else ()
        return {
            "runners": [shown(row) for row in _runners(person)],
            "tokens": [shown(row, "id", "digest") for row in tokens],
        }

    def erase(self, person: Person, now: datetime) -> dict[str, int]:
        """Shut the machines out, and forget what they said of themselves and when they were seen."""
        count = 0
        for row in _runners(person):
            services.revoke(row.pk, person.address, now)
            RunnerToken.objects.filter(runner=row).delete()
            Runner.objects.filter(pk=row.pk).update(capabilities={}, last_seen_at=None)
            count += 1
        return {"runners": count}

    def stays(self, person: Person) -> list[Stays]:
        """Return names of machines, and what was asked, attested and credited under the address."""
        at = person.address
        if not at:
            return []
        books = "the books of the community balance only with every account"
        return [
            Stays("runners", Runner.objects.filter(owner=at), "the pages of runs", NAMED),
            Stays("attestations", Attested.objects.filter(reviewer=at), "the page of the run, bundles", SIGNED),
            Stays("previews", Preview.objects.filter(requested_by=at), "the page of the proposal", NAMED),
            Stays("inquiries", Inquiry.objects.filter(asked_by=at), "the page of the version", NAMED),
            Stays("sites", Site.objects.filter(operator=at), "the page of the site", NAMED),
            Stays("accounts", LedgerAccount.objects.filter(owner=at), "the books", books),
        ]


class Newcomers:
    """What somebody said of others, and others of them: that they are newcomers to computing, and why."""

    def held(self, person: Person) -> dict[str, Any]:
        """Return both, with the reasons."""
        return {"newcomer_attestations": [shown(row) for row in _vouched(person)]}

    def erase(self, person: Person, now: datetime) -> dict[str, int]:
        """Erase the reasons, and take back what stands of the person themselves."""
        standing = NewcomerAttestation.objects.standing(now).filter(member=person.address).select_related("community")
        for row in standing.exclude(member="").order_by("community_id", "pk"):
            newcomers.withdraw(row.community, row.pk, person.address, now)
        return {"newcomer reasons": _vouched(person).exclude(reason="").update(reason="")}

    def stays(self, person: Person) -> list[Stays]:
        """Return who vouched for whom, without the reason."""
        return [Stays("newcomer attestations", _vouched(person), "the page of newcomers", NAMED)]


def _vouched(person: Person) -> Any:  # noqa: ANN401 - a set of rows
    at = person.address
    found = NewcomerAttestation.objects.filter(Q(peer=at) | Q(member=at))
    return found.order_by("pk") if at else found.none()


def _runners(person: Person) -> Any:  # noqa: ANN401 - a set of rows
    return Runner.objects.filter(owner=person.address) if person.address else Runner.objects.none()
