"""What goes out as JSON about one address as a voter: who votes with its power, what it can vote on. Powers: text."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.selectors.electors import Elector
from governance.selectors.representation import Representative
from governance.selectors.voters import AbsentRow, BallotRow
from governance.serializers.base import AnyJson


class PartOutput(serializers.Serializer[Any]):
    """One choice that a ballot names: its rank (0: none), or the weight it gets of the whole (0: none)."""

    name = serializers.CharField()
    rank = serializers.IntegerField()
    weight = serializers.CharField()
    of = serializers.CharField()


class PassedOnOutput(serializers.Serializer[Any]):
    """Somebody to whom a delegate lent the power on, and who voted with it."""

    address = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    power = serializers.CharField()
    choice = PartOutput(many=True, source="parts")


class SpokespersonOutput(serializers.Serializer[Any]):
    """One delegate of the voter; `topic` is the kind of proposal that the power was lent for, or empty for all."""

    address = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    share_bps = serializers.IntegerField()
    topic = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=[str(state) for state in Representative])
    power = serializers.CharField()
    choice = PartOutput(many=True, source="parts")
    reason = serializers.CharField(allow_blank=True)
    passed_on = PassedOnOutput(many=True)


class CarriedOutput(serializers.Serializer[Any]):
    """What others lend to the voter: people who may still vote themselves, those who did, power now and at most."""

    people = serializers.IntegerField()
    overriding = serializers.IntegerField()
    power = serializers.CharField()
    most = serializers.CharField()


class RepresentationOutput(serializers.Serializer[Any]):
    """Who votes with somebody's power on a proposal; `unlent` is what is lent to nobody."""

    voter = serializers.CharField()
    census_done = serializers.BooleanField()
    own_power = serializers.CharField()
    voted = serializers.BooleanField()
    unlent = serializers.CharField()
    delegates = SpokespersonOutput(many=True)
    carried = CarriedOutput()


class OpenVoteOutput(serializers.Serializer[Any]):
    """A proposal that is open, and with how much the address can vote on it."""

    proposal = serializers.CharField(source="proposal.public_id")
    number = serializers.IntegerField(source="proposal.number")
    title = serializers.CharField(source="proposal.title")
    closes_at = serializers.DateTimeField(source="proposal.closes_at")
    may_vote = serializers.BooleanField()
    power = serializers.CharField()
    delegated = serializers.CharField()


class ElectorOutput(serializers.Serializer[Any]):
    """What an address can vote on in a community; `power` is of the newest census, that of proposal `census`."""

    voter = serializers.CharField()
    census = serializers.SerializerMethodField()
    power = serializers.CharField()
    open = OpenVoteOutput(many=True)

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_census(self, found: Elector) -> int | None:
        """Return the number of the proposal whose census is the newest."""
        return found.census.number if found.census else None


class VoterOutput(serializers.Serializer[Any]):
    """A ballot that counts: `weight` is what it weighs with what was lent to it, `lent` the difference."""

    voter = serializers.CharField(source="ballot.voter")
    name = serializers.CharField(source="voter_name", allow_blank=True)
    choice = PartOutput(many=True, source="parts")
    ballot = AnyJson(source="ballot.choice")
    weight = serializers.CharField()
    lent = serializers.SerializerMethodField()
    share_bps = serializers.IntegerField()
    reason = serializers.CharField(source="ballot.reason", allow_blank=True)
    cast_at = serializers.DateTimeField(source="ballot.cast_at")
    receipt = serializers.CharField(source="ballot.record_id")

    def get_lent(self, row: BallotRow) -> str:
        """Return the power that others lent."""
        return str(row.weight - int(row.ballot.power))


class AbsentOutput(serializers.Serializer[Any]):
    """Somebody who could vote and has not, and to whom of those who have voted the power is lent."""

    voter = serializers.CharField()
    name = serializers.CharField(source="voter_name", allow_blank=True)
    power = serializers.CharField()
    house_power = serializers.CharField()
    lent_to = serializers.SerializerMethodField()

    def get_lent_to(self, row: AbsentRow) -> list[str]:
        """Return the addresses."""
        return [address for address, _name in row.delegates]


class VotersOutput(serializers.Serializer[Any]):
    """One page of who voted, or of who has not. `is_cut`: there are more than were looked through."""

    page = serializers.IntegerField(source="number")
    pages = serializers.IntegerField()
    total = serializers.IntegerField()
    looked_through = serializers.IntegerField()
    is_cut = serializers.BooleanField()
    voted = VoterOutput(many=True, source="ballots")
    missing = AbsentOutput(many=True, source="absent")
