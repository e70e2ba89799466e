"""What comes in as JSON for governance."""

from drf_spectacular.utils import extend_schema_field

from governance import services
from governance.serializers.base import AnyJson, StrictInteger, StrictObject, StrictSerializer, StrictText


class NonceInput(StrictSerializer):
    """Who wants to sign in, and on which chain the wallet is."""

    address = StrictText()
    chain_id = StrictInteger(required=False)


class SignInInput(StrictSerializer):
    """The signed text."""

    message = StrictText(max_length=8_000)
    signature = StrictText()


class DraftInput(StrictSerializer):
    """A draft. `payload` is what its kind takes; a wrong one is refused with the field and what is allowed."""

    community = StrictText()
    kind = StrictText()
    title = StrictText(allow_blank=True)
    text = StrictText(required=False, allow_blank=True, default="")
    payload = StrictObject()
    method = StrictText(required=False, allow_blank=True, default="")
    seats = StrictInteger(required=False, default=1)
    opens_at = StrictInteger(required=False)
    voting_period_seconds = StrictInteger(required=False)


class ReasonInput(StrictSerializer):
    """Why a proposal is taken back, vetoed or paused."""

    reason = StrictText()


class StatementInput(StrictSerializer):
    """What somebody says about themselves as a delegate."""

    statement = StrictText(allow_blank=True)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "integer", "minimum": 0, "maximum": 255},
            {"type": "array", "items": {"type": "integer"}},
            {"type": "object", "additionalProperties": {"oneOf": [{"type": "integer"}, {"type": "string"}]}},
        ]
    }
)
class ChoiceField(AnyJson):
    """A choice: a number, or for methods that need it a list or an object."""


class BallotInput(StrictSerializer):
    """A signed ballot: the fields of the signed message that the proposal does not fix, and the signature."""

    proposal = StrictText()
    voter = StrictText()
    choice = ChoiceField()
    reason = StrictText(required=False, allow_blank=True, default="")
    nonce = StrictInteger()
    signature = StrictText()

    @classmethod
    def to_request(cls, data: object) -> services.BallotRequest:
        """Read a ballot request."""
        return services.BallotRequest(**cls.read(data))


class DelegationInput(StrictSerializer):
    """A signed delegation. `topic` is a kind of proposal or empty, `share_bps` 0 takes an earlier one back."""

    delegator = StrictText()
    delegate = StrictText()
    topic = StrictText(allow_blank=True)
    share_bps = StrictInteger()
    expires_at = StrictInteger()
    nonce = StrictInteger()
    signature = StrictText()

    @classmethod
    def to_request(cls, data: object) -> services.DelegationRequest:
        """Read a delegation request."""
        return services.DelegationRequest(**cls.read(data))


class ChainDelegationInput(StrictSerializer):
    """A delegation for the token contract, signed so that anybody may send it."""

    delegator = StrictText()
    delegatee = StrictText()
    nonce = StrictInteger()
    expiry = StrictInteger()
    signature = StrictText()


class SponsorInput(StrictSerializer):
    """A member who backs a draft."""

    sponsor = StrictText()
    signature = StrictText()
