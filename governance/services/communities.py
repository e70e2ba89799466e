"""Founding a community, and its charter. The community's record fixes token, release key and founding charter.

Every ballot commits to that record through its proposal, so it commits to all three.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from governance import eip712
from governance.chain import ChainAnswerInvalid
from governance.charter import Charter
from governance.errors import Forbidden, Invalid
from governance.models import Community, Record
from governance.outcome import InvalidRules
from governance.power import PowerError, Snapshot
from governance.records import keep
from governance.services.common import charter_of, source_named
from governance.services.events import note


@dataclass(frozen=True)
class NewCommunity:
    """What founding a community needs. `charter` is its rules as people write them (see `governance.charter`)."""

    slug: str
    name_en: str
    name_fr: str
    chain_id: int
    token: str
    release_key: str
    charter: Mapping[str, Any]
    description_en: str = ""
    description_fr: str = ""


@transaction.atomic
def found_community(new: NewCommunity, now: datetime) -> Community:
    """Found a community with its charter."""
    charter = clean_charter(new.charter)
    token = eip712.parse_address(new.token)
    charter_record = keep("charter", f"charter:{new.slug}", charter.to_body())
    record = keep(
        "community",
        f"community:{new.slug}",
        {
            "slug": new.slug,
            "name": {"en": new.name_en, "fr": new.name_fr},
            "instance": settings.ORIGIN,
            "chain_id": new.chain_id,
            "token": token,
            "release_key": {"algorithm": "ed25519", "public_key": new.release_key},
        },
        [charter_record],
    )
    community = Community.objects.create(
        slug=new.slug,
        name_en=new.name_en,
        name_fr=new.name_fr,
        description_en=new.description_en,
        description_fr=new.description_fr,
        instance=settings.ORIGIN,
        chain_id=new.chain_id,
        token=token,
        release_key=new.release_key,
        record=record,
        charter=charter_record,
    )
    note("community_founded", now, community=community, record=record.digest, charter=charter_record.digest)
    return community


def clean_charter(body: Mapping[str, Any]) -> Charter:
    """Return a charter that this installation can live by; raise Invalid with the field."""
    try:
        charter = Charter.from_body(body, partial=True)
    except InvalidRules as error:
        raise Invalid(
            "invalid_rules", str(error), field=f"charter.{error.field}", found=error.found, allowed=error.allowed
        ) from error
    minimum = settings.VOTING_PERIOD_SECONDS_MIN
    for name, rules in charter.tiers.items():
        if rules.voting_period_seconds < minimum:
            raise Invalid(
                "period_too_short",
                "the voting period is too short",
                field=f"charter.tiers.{name}.voting_period_seconds",
                found=rules.voting_period_seconds,
                allowed=minimum,
            )
    return charter


def require_readable_power(community: Community, charter: Charter) -> None:
    """Raise Invalid unless every source of power that a charter names can be read now."""
    for field, entry in (("power", charter.power), ("house", charter.house)):
        if entry is None:
            continue
        try:
            source_named(entry["source"], community).snapshot(entry["parameters"])
        except PowerError as error:
            raise Invalid(error.code, error.detail, field=f"charter.{field}") from error
        except ChainAnswerInvalid as error:
            # A chain that does not answer is asked again; an address without votes never has an answer.
            raise Invalid(
                "power_unreadable", "no voting power can be read where the charter says", field=f"charter.{field}"
            ) from error


def adopt_charter(community: Community, charter: Charter, execution: Record, now: datetime) -> Record:
    """Put a charter in force that a vote approved. What was submitted before keeps the rules that it froze."""
    record = keep("charter", f"charter:{community.slug}", charter.to_body(), [execution])
    community.charter = record
    community.save(update_fields=["charter"])
    note("charter_adopted", now, community=community, charter=record.digest)
    return record


def take_snapshot(community: Community, charter: Charter) -> Snapshot:
    """Pin the newest moment at which voting power can be read."""
    return source_named(charter.power["source"], community).snapshot(charter.power["parameters"])


def require_power(community: Community, actor: str, field: str) -> None:
    """Raise Invalid, naming the field that `actor` stands in, unless they have some voting power now."""
    charter = charter_of(community)
    source = source_named(charter.power["source"], community)
    if not source.power_of(actor, take_snapshot(community, charter)):
        raise Invalid("no_voting_power", "this address has no voting power now", field=field, found=actor)


def require_standing(community: Community, actor: str, kind: str, backers: tuple[str, ...] = ()) -> Snapshot:
    """Return a fresh snapshot at which `actor`, with the backers, has the power that such a proposal needs.

    Raises Forbidden otherwise. It also guards what only members may add, such as datasets: a stranger's could stand in
    the members' way.
    """
    charter = charter_of(community)
    needed = charter.rules_of(kind).proposal_threshold
    source = source_named(charter.power["source"], community)
    snapshot = take_snapshot(community, charter)
    power = sum(source.powers_of([actor, *backers], snapshot).values())
    if power < needed:
        raise Forbidden(
            "below_threshold",
            "more voting power is needed for this; members can co-sign a draft to reach it",
            found=str(power),
            allowed=str(needed),
        )
    return snapshot
