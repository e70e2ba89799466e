"""Founding a community. Its record fixes the token and the release key, so every ballot commits to both."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from governance import eip712
from governance.errors import Forbidden, Invalid
from governance.models import Community
from governance.outcome import Rules
from governance.power import Snapshot
from governance.records import keep
from governance.services.common import source_of
from governance.services.events import note


@dataclass(frozen=True)
class NewCommunity:
    """What founding a community needs. `rules` maps a proposal kind, or "default", to the body of its rules."""

    slug: str
    name_en: str
    name_fr: str
    chain_id: int
    token: str
    release_key: str
    rules: Mapping[str, Mapping[str, Any]]
    description_en: str = ""
    description_fr: str = ""
    power_source: str = "erc20_votes"


@transaction.atomic
def found_community(new: NewCommunity, now: datetime) -> Community:
    """Found a community. Its record fixes the token and the release key: every ballot commits to both."""
    if "default" not in new.rules:
        raise Invalid("missing_field", "rules need an entry named default", field="rules")
    minimum = settings.VOTING_PERIOD_SECONDS_MIN
    for name, body in new.rules.items():
        period = Rules.from_body(dict(body)).voting_period_seconds
        if period < minimum:
            raise Invalid(
                "period_too_short",
                "the voting period is too short",
                field=f"rules.{name}",
                found=period,
                allowed=minimum,
            )
    token = eip712.parse_address(new.token)
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
        power_source=new.power_source,
        power_parameters={"token": token},
        rules={name: dict(body) for name, body in new.rules.items()},
        release_key=new.release_key,
        record=record,
    )
    note("community_founded", now, community=community)
    return community


def require_standing(community: Community, actor: str, kind: str) -> Snapshot:
    """Return a fresh snapshot at which `actor` has the power that a proposal of this kind needs; else raise Forbidden.

    It also guards what only members may add, such as datasets: a stranger's could stand in the members' way.
    """
    needed = rules_for(community, kind).proposal_threshold
    source = source_of(community)
    snapshot = source.snapshot(community.power_parameters)
    power = source.power_of(actor, snapshot)
    if power < needed:
        raise Forbidden(
            "below_threshold", "more voting power is needed for this", found=str(power), allowed=str(needed)
        )
    return snapshot


def rules_for(community: Community, kind: str) -> Rules:
    """Return the rules that a new proposal of this kind would be judged by."""
    return Rules.from_body(community.rules.get(kind, community.rules["default"]))
