"""Who writes, and who moderates.

Whoever signed in with a wallet writes under their address, whoever follows without one as a reader under a name that
nobody has checked; the pages say which. Moderators are the people of `settings.MODERATORS`: the council in office, and
the stewards whom a vote named.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils.module_loading import import_string

from governance.errors import Forbidden, NotAuthenticated
from governance.models import Comment, Community, Reader
from governance.readers.sessions import signed_in_reader
from governance.services.guardians import council_in_office
from governance.statements.services import holds_votes

People = Callable[[Community, datetime], Iterable[dict[str, str]]]


@dataclass(frozen=True)
class Writer:
    """Who writes: a wallet's address, or a reader."""

    address: str = ""
    reader: Reader | None = None

    def wrote(self, comment: Comment) -> bool:
        """Say whether a comment is theirs."""
        if self.address:
            return comment.address == self.address
        return self.reader is not None and comment.reader_id == self.reader.pk

    @property
    def own(self) -> Q:
        """The condition for comments and reports of theirs."""
        return Q(address=self.address) if self.address else Q(reader=self.reader, address="")


def writer_of(request: HttpRequest) -> Writer | None:
    """Return who writes in this browser: the wallet that signed in, else the reader; None for a visitor."""
    user = request.user
    if user.is_authenticated:
        return Writer(address=str(user.address))
    reader = signed_in_reader(request)
    return None if reader is None else Writer(reader=reader)


def required_writer(request: HttpRequest) -> Writer:
    """Return who writes; raise NotAuthenticated for a visitor."""
    writer = writer_of(request)
    if writer is None:
        raise NotAuthenticated("no_reader", "sign in first: with an e-mail link, a passkey or a wallet")
    return writer


def council(community: Community, now: datetime) -> list[dict[str, str]]:
    """Return the guardians in office."""
    found = council_in_office(community, now)
    return list(found.members) if found is not None else []


def moderators(community: Community, now: datetime) -> dict[str, str]:
    """Return who moderates the discussions of a community: names by address."""
    tables: list[People] = [import_string(path) for path in settings.MODERATORS]
    return {member["address"]: member["name"] for people in tables for member in people(community, now)}


def require_moderator(community: Community, actor: str, now: datetime) -> None:
    """Raise Forbidden for anybody else."""
    if not actor or actor not in moderators(community, now):
        raise Forbidden("not_a_moderator", "only guardians and stewards of this community may do this", found=actor)


def may_judge(comment: Comment, hidden_by: str, actor: str, people: Iterable[str]) -> bool:
    """Say whether somebody answers this appeal: another of the moderators, `people`; where there is none, any voter."""
    parties = judged(comment, hidden_by)
    if not actor or actor in parties:
        return False
    others = set(people) - parties
    return actor in others if others else holds_votes(comment.proposal.community, actor)


def judged(comment: Comment, hidden_by: str) -> set[str]:
    """Return who has no say in an appeal: whoever hid the comment, and whoever wrote it, also as a reader."""
    reader = comment.reader.address if comment.reader else None
    return {hidden_by, comment.address, reader or ""}
