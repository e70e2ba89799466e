"""What readers follow: begin, end, look. Nobody else is told who follows what, nor how many do."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from governance.errors import Malformed, NotFound, TooMany
from governance.models import Community, Follow, Proposal, Reader
from governance.readers import accounts

FOLLOWS_MAX = 1_000
_DAY_SECONDS = 24 * 3600
_NUMBER_DIGITS_MAX = 9


@dataclass(frozen=True)
class Subject:
    """Something that can be followed: a community, one of its proposals, or one of its models by "namespace/name"."""

    community: Community
    proposal: Proposal | None = None
    model_name: str = ""


def subject(kind: str, name: str, community_of_model: Community | None = None) -> Subject:
    """Return what is meant: a community by its slug, a proposal by its id, a model by its name.

    Governance knows no models: whoever means one has found its community. Raises NotFound and Malformed.
    """
    if kind == "community":
        community = Community.objects.filter(slug=name).first()
        if community is None:
            raise NotFound("unknown_community", "there is no such community", field="name", found=name)
        return Subject(community)
    if kind == "proposal":
        found = Proposal.objects.submitted().select_related("community").filter(**_proposal_called(name)).first()
        if found is None:
            raise NotFound("unknown_proposal", "there is no such proposal", field="name", found=name)
        return Subject(found.community, proposal=found)
    if kind == "model":
        if community_of_model is None:
            raise NotFound("unknown_model", "there is no such model", field="name", found=name)
        return Subject(community_of_model, model_name=name)
    raise Malformed("malformed_field", "a community, a proposal or a model can be followed", field="kind", found=kind)


def follow(reader: Reader, what: Subject, now: datetime) -> None:
    """Follow it from now on; following it twice changes nothing."""
    if reader.follows.count() >= FOLLOWS_MAX:
        raise TooMany(
            "too_many_follows",
            "end something that you follow first",
            retry_after_seconds=_DAY_SECONDS,
            allowed=FOLLOWS_MAX,
        )
    try:
        with transaction.atomic():
            _of(reader, what).get_or_create(
                defaults={"since": now},
                reader=reader,
                community=what.community,
                proposal=what.proposal,
                model_name=what.model_name,
            )
    except IntegrityError:
        pass  # two clicks at once: it is followed
    accounts.seen(reader, now)


def unfollow(reader: Reader, what: Subject, now: datetime) -> None:
    """Follow it no longer; what is not followed stays so."""
    _of(reader, what).delete()
    accounts.seen(reader, now)


def unfollow_row(reader: Reader, number: int, now: datetime) -> None:
    """Follow what stands in this row no longer; NotFound where the reader has no such row."""
    if not reader.follows.filter(pk=number).delete()[0]:
        raise NotFound("not_followed", "you do not follow this")
    accounts.seen(reader, now)


def is_following(reader: Reader, what: Subject) -> bool:
    """Say whether the reader follows it."""
    return _of(reader, what).exists()


def followed(reader: Reader) -> list[Follow]:
    """Return all that a reader follows, communities first."""
    rows = reader.follows.select_related("community", "proposal__community")
    return sorted(rows, key=lambda row: (row.proposal_id is not None, row.model_name, row.pk))


def _proposal_called(name: str) -> dict[str, object]:
    """Return what finds a proposal: by the id that ballots sign (0x…), or as "community/number"."""
    if name.startswith("0x"):
        return {"record_id": name.removeprefix("0x")}
    slug, _, number = name.rpartition("/")
    usable = number.isascii() and number.isdigit() and len(number) <= _NUMBER_DIGITS_MAX
    return {"community__slug": slug, "number": int(number) if usable else 0}


def _of(reader: Reader, what: Subject):  # noqa: ANN202 - a query set
    return Follow.objects.filter(
        reader=reader, community=what.community, proposal=what.proposal, model_name=what.model_name
    )
