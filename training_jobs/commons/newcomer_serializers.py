"""What comes in and goes out as JSON for newcomers and for the policy in force."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance import clock
from governance.serializers.base import StrictSerializer, StrictText
from training_jobs.commons import newcomers, policies, replaying
from training_jobs.models import NewcomerAttestation, PolicyReplay

ADDRESS_MAX = 42


class NewcomerAttestationInput(StrictSerializer):
    """Who is a newcomer, of which kind, and why you say so."""

    member = StrictText(max_length=ADDRESS_MAX)
    kind = StrictText(max_length=40)
    reason = StrictText(max_length=newcomers.REASON_MAX)


class NewcomerAttestationOutput(serializers.ModelSerializer[NewcomerAttestation]):
    """What a member said of another, and until when it holds."""

    id = serializers.IntegerField(source="pk")

    class Meta:
        """Fields."""

        model = NewcomerAttestation
        fields = ("id", "member", "peer", "kind", "reason", "attested_at", "expires_at", "withdrawn_at", "withdrawn_by")


class NewcomerOutput(serializers.Serializer[newcomers.Vouched]):
    """A member of whom others vouch now."""

    member = serializers.CharField()
    newcomer = serializers.BooleanField(source="is_newcomer", help_text="Whether enough others vouch.")
    until = serializers.DateTimeField(
        allow_null=True, help_text="When they are one no longer, if nobody adds or takes back."
    )
    needed = serializers.IntegerField(help_text="How many distinct peers it takes.")
    attestations = NewcomerAttestationOutput(many=True)


class NewcomerRuleOutput(serializers.Serializer[Any]):
    """How one qualifies for the share that is reserved for newcomers."""

    kinds = serializers.ListField(child=serializers.CharField())
    peers = serializers.IntegerField(help_text="Distinct members who must say so at once.")
    days = serializers.IntegerField(help_text="For how long an attestation holds.")
    attesters = serializers.ChoiceField(choices=list(policies.ATTESTERS))


class ComputePolicyOutput(serializers.Serializer[Any]):
    """How computing is shared: seconds, basis points, relative weights. `shares` of communities are 1 where unnamed."""

    half_life = serializers.IntegerField()
    weight_fair = serializers.IntegerField()
    weight_age = serializers.IntegerField()
    weight_tier = serializers.IntegerField()
    age_full = serializers.IntegerField()
    shares = serializers.DictField(child=serializers.IntegerField())
    reserved_bps = serializers.IntegerField()
    reserved_lent = serializers.BooleanField()
    backfill = serializers.BooleanField()
    wait_max = serializers.IntegerField()
    carbon_aware = serializers.BooleanField()
    newcomers = NewcomerRuleOutput()
    proposal_number = serializers.IntegerField(
        allow_null=True, help_text="The vote that adopted it; none for the policy that every community begins with."
    )
    adopted_at = serializers.DateTimeField(allow_null=True)


class PolicyReplayRowOutput(serializers.Serializer[Any]):
    """One figure under the policy in force and under the proposed one."""

    name = serializers.CharField()
    before = serializers.IntegerField()
    after = serializers.IntegerField()


class PolicyReplayOutput(serializers.Serializer[PolicyReplay]):
    """The last months once more under a proposed policy. A simulation: evidence for voters, and no promise."""

    state = serializers.SerializerMethodField()
    current = serializers.SerializerMethodField(
        help_text="Whether the policies that were compared are those of the proposal and of today."
    )
    ordered_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    failure = serializers.CharField(allow_blank=True, help_text="A code, where it could not be computed.")
    rows = serializers.SerializerMethodField()
    about = serializers.DictField(
        help_text="`since` and `until` (UNIX seconds) of the history, how many `requests` and `sites` it has, "
        "`waits_really` by who asked, and under `left_out` how much of what is not simulated. "
        "`empty` says why there are no rows: `no_sites` or `no_requests`."
    )

    @extend_schema_field(serializers.ChoiceField(choices=["ordered", "running", "done", "failed"]))
    def get_state(self, found: PolicyReplay) -> str:
        """Compute the state."""
        return replaying.state_of(found, clock.now())

    def get_current(self, found: PolicyReplay) -> bool:
        """Compare the digests."""
        return replaying.is_current(found)

    @extend_schema_field(PolicyReplayRowOutput(many=True))
    def get_rows(self, found: PolicyReplay) -> list[dict[str, Any]]:
        """Return each figure by name."""
        return [{"name": name, "before": before, "after": after} for name, before, after in found.rows]
