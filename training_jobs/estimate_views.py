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
from training_jobs.before_vote import BeforeVote
from training_jobs.commons.beginning import beginning_of
from training_jobs.ledger.estimates import Forecast
from training_jobs.scheduling.explain import Slot
from training_jobs.scheduling.outlay import Span


class SpanOutput(serializers.Serializer[Any]):
    """Between what and what the work is likely to end (`low`, `high`), and what the whole budget takes (`most`).

    `low` and `high` are null where too few past runs say it; `places`: of how many places the amount is known.
    """

    low = serializers.IntegerField(allow_null=True)
    high = serializers.IntegerField(allow_null=True)
    most = serializers.IntegerField()
    places = serializers.IntegerField()


class MoneySpanOutput(SpanOutput):
    """The same in money: micro-units, millionths of the currency's minor unit."""

    currency = serializers.CharField()


class SecondsOutput(serializers.Serializer[Any]):
    """Device-seconds: what is planned, the interval of comparable past runs, and what is approved at most."""

    planned = serializers.IntegerField(allow_null=True, help_text="An upper bound; null: a dataset is not known here.")
    low = serializers.IntegerField(allow_null=True)
    high = serializers.IntegerField(allow_null=True)
    most = serializers.IntegerField()
    level_bps = serializers.IntegerField(help_text="Basis points of runs that are to end within.")
    runs = serializers.IntegerField(help_text="Comparable past runs.")
    runs_needed = serializers.IntegerField(help_text="With fewer there is no interval.")
    alike = serializers.BooleanField(help_text="All of them of the same model, objective and strategy.")
    tried = serializers.IntegerField(help_text="Past runs held against the interval of those before them.")
    held = serializers.IntegerField(help_text="How many of these lay within it.")


class SlotOutput(serializers.Serializer[Any]):
    """Where and when it could begin, approved today; UNIX seconds."""

    site = serializers.CharField()
    since = serializers.IntegerField()


class PlaceOutput(serializers.Serializer[Any]):
    """Where the work may land, and what is declared of it; null: nothing. Without `site`: this installation's."""

    site = serializers.CharField(allow_blank=True)
    watts = serializers.IntegerField(allow_null=True, help_text="Of one device.")
    watts_metered_in = serializers.IntegerField(help_text="Attempts whose median it is; 0: it is declared.")
    grams_per_kwh_least = serializers.IntegerField(allow_null=True)
    grams_per_kwh_most = serializers.IntegerField(allow_null=True)
    grid = serializers.CharField(allow_blank=True, help_text="The source of the grid's intensity; empty: none.")
    price_micro_units = serializers.IntegerField(allow_null=True, help_text="For a device-hour.")
    currency = serializers.CharField(allow_blank=True)


class EstimateOutput(serializers.Serializer[Any]):
    """What an update would take, by what is known today. Null: of no place is it known. Milligrams are of CO2e.

    `next_slot` is null where the community shares no sites, or none that could ever do it.
    """

    proposal = serializers.CharField()
    device_seconds = SecondsOutput()
    joules = SpanOutput(allow_null=True)
    milligrams = SpanOutput(allow_null=True)
    carbon_unknown = serializers.ChoiceField(choices=["", "no_power", "no_intensity"], allow_blank=True)
    money = MoneySpanOutput(many=True)
    places = PlaceOutput(many=True)
    next_slot = SlotOutput(allow_null=True)


class ProposalEstimate(APIView):
    """What a proposed model update would take."""

    @extend_schema(responses={200: EstimateOutput, **REFUSED}, operation_id="proposal_estimate")
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with device-seconds, energy, carbon and money."""
        proposal, now = proposal_by_public_id(public_id), clock.now()
        found = before_vote.told_of(proposal, now)
        if found is None:
            raise NotFound("nothing_is_trained", "proposals of this kind train nothing", field="proposal")
        begins = beginning_of(proposal, now)
        return Response(EstimateOutput(_row(public_id, found, begins.slot if begins else None)).data)


def _row(proposal: str, told: BeforeVote, slot: Slot | None) -> dict[str, Any]:
    of = told.outlay
    return {
        "proposal": proposal,
        "device_seconds": _seconds(told.seconds),
        "joules": of.joules,
        "milligrams": of.milligrams,
        "carbon_unknown": of.carbon_unknown,
        "money": [_money(currency, span) for currency, span in of.money],
        "places": [
            {
                "site": place.site,
                "watts": place.watts,
                "watts_metered_in": place.metered,
                "grams_per_kwh_least": place.grams_per_kwh[0] if place.grams_per_kwh else None,
                "grams_per_kwh_most": place.grams_per_kwh[1] if place.grams_per_kwh else None,
                "grid": place.grid,
                "price_micro_units": place.price,
                "currency": place.currency,
            }
            for place in of.places
        ],
        "next_slot": slot,
    }


def _seconds(of: Forecast) -> dict[str, Any]:
    low, high = of.interval or (None, None)
    return {
        "planned": of.planned,
        "low": low,
        "high": high,
        "most": of.most,
        "level_bps": of.coverage.level_bps,
        "runs": of.runs,
        "runs_needed": of.runs_needed,
        "alike": of.alike,
        "tried": of.coverage.tried,
        "held": of.coverage.held,
    }


def _money(currency: str, span: Span) -> dict[str, Any]:
    return {"currency": currency, "low": span.low, "high": span.high, "most": span.most, "places": span.places}
