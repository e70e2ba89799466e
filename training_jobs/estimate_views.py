"""The JSON API of what a proposed model update would take, before anybody votes on it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import NotFound
from governance.services import proposal_by_public_id
from governance.views.base import REFUSED
from training_jobs import before_vote
from training_jobs.scheduling.outlay import Outlay, Span


class SpanOutput(serializers.Serializer[Any]):
    """From the least to the most (`about`) that the estimated work takes, and what the whole budget takes (`most`).

    `least` and `about` are null where a dataset is not known; `places`: of how many places the amount is known.
    """

    least = serializers.IntegerField(allow_null=True)
    about = serializers.IntegerField(allow_null=True)
    most = serializers.IntegerField()
    places = serializers.IntegerField()


class MoneySpanOutput(SpanOutput):
    """The same in money: micro-units, millionths of the currency's minor unit."""

    currency = serializers.CharField()


class PlaceOutput(serializers.Serializer[Any]):
    """Where the work may land, and what is declared of it; null: nothing. Without `site`: this installation's."""

    site = serializers.CharField(allow_blank=True)
    watts = serializers.IntegerField(allow_null=True, help_text="Of one device.")
    grams_per_kwh_least = serializers.IntegerField(allow_null=True)
    grams_per_kwh_most = serializers.IntegerField(allow_null=True)
    grid = serializers.CharField(allow_blank=True, help_text="The source of the grid's intensity; empty: none.")
    price_micro_units = serializers.IntegerField(allow_null=True, help_text="For a device-hour.")
    currency = serializers.CharField(allow_blank=True)


class EstimateOutput(serializers.Serializer[Any]):
    """What an update would take, by what is declared today. Null: of no place is it known. Milligrams are of CO2e."""

    proposal = serializers.CharField()
    device_seconds_about = serializers.IntegerField(allow_null=True)
    device_seconds_most = serializers.IntegerField()
    joules = SpanOutput(allow_null=True)
    milligrams = SpanOutput(allow_null=True)
    carbon_unknown = serializers.ChoiceField(choices=["", "no_power", "no_intensity"], allow_blank=True)
    money = MoneySpanOutput(many=True)
    places = PlaceOutput(many=True)


class ProposalEstimate(APIView):
    """What a proposed model update would take."""

    @extend_schema(responses={200: EstimateOutput, **REFUSED}, operation_id="proposal_estimate")
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with device-seconds, energy, carbon and money."""
        found = before_vote.outlay_of(proposal_by_public_id(public_id), clock.now())
        if found is None:
            raise NotFound("nothing_is_trained", "proposals of this kind train nothing", field="proposal")
        return Response(EstimateOutput(_row(public_id, found)).data)


def _row(proposal: str, of: Outlay) -> dict[str, Any]:
    return {
        "proposal": proposal,
        "device_seconds_about": of.seconds_about,
        "device_seconds_most": of.seconds_most,
        "joules": of.joules,
        "milligrams": of.milligrams,
        "carbon_unknown": of.carbon_unknown,
        "money": [_money(currency, span) for currency, span in of.money],
        "places": [
            {
                "site": place.site,
                "watts": place.watts,
                "grams_per_kwh_least": place.grams_per_kwh[0] if place.grams_per_kwh else None,
                "grams_per_kwh_most": place.grams_per_kwh[1] if place.grams_per_kwh else None,
                "grid": place.grid,
                "price_micro_units": place.price,
                "currency": place.currency,
            }
            for place in of.places
        ],
    }


def _money(currency: str, span: Span) -> dict[str, Any]:
    amounts = {"least": span.least, "about": span.about, "most": span.most, "places": span.places}
    return {"currency": currency, **amounts}
