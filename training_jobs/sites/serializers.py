"""What comes in and goes out as JSON for sites. Ranges are judged by `declared` and `measured`, not here."""

from typing import Any

from rest_framework import serializers

from governance.serializers.base import AnyJson, StrictInteger, StrictSerializer, StrictText
from training_jobs.models import Admission, Busy, SiteMeasurement
from training_jobs.runners.serializers import BYTES_MAX, WORD, PlainObject, Word
from training_jobs.scheduling.prices import BOUNDS
from training_jobs.sites import lifecycle
from training_jobs.sites.selectors import Row

SHA256 = r"^[0-9a-f]{64}\Z"
NUMBER_MAX = 2**31 - 1


class IntegerList(serializers.ListField):
    """A list of whole numbers."""

    child = StrictInteger(min_value=0, max_value=BYTES_MAX)


class KindList(serializers.ListField):
    """Kinds of data: null for any, a list for these alone."""

    child = StrictText(max_length=40)


class PriceInputOutput(serializers.Serializer[Any]):
    """An input of the price: its value, the day on which it was true, and where it is from."""

    value = serializers.IntegerField()
    dated = serializers.DateField()
    source = serializers.CharField()


class PriceInputsOutput(serializers.Serializer[Any]):
    """All inputs of the price; `GET /site-price-inputs` says the unit and the bounds of each."""

    watts = PriceInputOutput()
    pue_permille = PriceInputOutput()
    tariff = PriceInputOutput()
    purchase = PriceInputOutput()
    lifetime_hours = PriceInputOutput()
    utilisation_bps = PriceInputOutput()
    operations_bps = PriceInputOutput()


class PriceBoundOutput(serializers.Serializer[Any]):
    """What an input of the price may be."""

    input = serializers.ChoiceField(choices=list(BOUNDS))
    unit = serializers.CharField()
    least = serializers.IntegerField()
    most = serializers.IntegerField()


class SiteChangeInput(StrictSerializer):
    """What changes of a site. `inputs` may name some alone, each with its value, date and source."""

    name = StrictText(required=False, max_length=120)
    region = StrictText(required=False, max_length=40)
    country = StrictText(required=False, max_length=2)
    currency = StrictText(required=False, max_length=3)
    device_kind = Word(WORD, required=False, max_length=40, trim_whitespace=False)
    devices = StrictInteger(required=False, min_value=0, max_value=NUMBER_MAX)
    memory_bytes = StrictInteger(required=False, min_value=0, max_value=BYTES_MAX)
    inputs = PlainObject(required=False)
    hours_max = StrictInteger(required=False, min_value=0, max_value=NUMBER_MAX)
    data_in = KindList(required=False, allow_null=True)
    data_out = KindList(required=False, allow_null=True)
    commons_share_bps = StrictInteger(required=False, min_value=0, max_value=NUMBER_MAX)
    payout_address = StrictText(required=False, max_length=42, allow_blank=True)


class SiteInput(SiteChangeInput):
    """A new site, described in whole."""

    slug = StrictText(max_length=50)


class ReasonedInput(StrictSerializer):
    """Why."""

    reason = StrictText(max_length=1_000)


class CommunityReasonInput(ReasonedInput):
    """For which community, and why."""

    community = StrictText(max_length=50)


class SuspensionInput(ReasonedInput):
    """Why, and what was found: any JSON object, for everybody to read."""

    evidence = PlainObject()


class RunnerNumberInput(StrictSerializer):
    """Which machine."""

    runner = StrictInteger(min_value=1, max_value=BYTES_MAX)


class MeasurementInput(StrictSerializer):
    """What a machine measured of itself; `repeats` are tokens per second of one device."""

    device_kind = Word(WORD, max_length=40, trim_whitespace=False)
    devices = StrictInteger(min_value=0, max_value=NUMBER_MAX)
    memory_bytes = StrictInteger(min_value=0, max_value=BYTES_MAX)
    repeats = IntegerList(max_length=100)
    software = Word(SHA256, max_length=64, trim_whitespace=False)
    benchmark = StrictInteger(min_value=0, max_value=1_000)


class SiteMeasurementOutput(serializers.ModelSerializer[SiteMeasurement]):
    """A measurement, as everybody may read it."""

    runner = serializers.IntegerField(source="runner_id")
    repeats = serializers.ListField(child=serializers.IntegerField())

    class Meta:
        """Fields."""

        model = SiteMeasurement
        fields = (
            "runner",
            "measured_at",
            "device_kind",
            "devices",
            "memory_bytes",
            "tokens_per_second",
            "repeats",
            "software",
            "benchmark",
        )


class AdmissionOutput(serializers.ModelSerializer[Admission]):
    """That a community lets a site in, or did; `proposal` and `removal` are the numbers of votes."""

    community = serializers.CharField(source="community.slug")
    site = serializers.CharField(source="site.slug")
    proposal = serializers.IntegerField(source="proposal.number", allow_null=True, default=None)
    removal = serializers.IntegerField(source="removal.number", allow_null=True, default=None)

    class Meta:
        """Fields."""

        model = Admission
        fields = (
            "site",
            "community",
            "admitted_at",
            "admitted_by",
            "proposal",
            "reason",
            "removed_at",
            "removed_by",
            "removal",
            "removed_reason",
        )


class BusyOutput(serializers.ModelSerializer[Busy]):
    """When devices of a site are not to be had."""

    class Meta:
        """Fields."""

        model = Busy
        fields = ("uid", "since", "until", "devices", "summary")


class SiteMeasuredOutput(serializers.Serializer[Any]):
    """What the machines of a site measured, added up: all devices, the smallest memory, the slowest speed."""

    devices = serializers.IntegerField(source="devices_measured")
    memory_bytes = serializers.IntegerField(source="memory_measured")
    tokens_per_second = serializers.IntegerField(source="speed_measured")
    at = serializers.DateTimeField(source="measured_at", allow_null=True)


class SuspendedOutput(serializers.Serializer[Any]):
    """Since when a site is suspended, by whom (empty: the platform), why, and what was found."""

    at = serializers.DateTimeField(source="suspended_at")
    by = serializers.CharField(source="suspended_by", allow_blank=True)
    reason = serializers.CharField(source="suspended_reason")
    evidence = AnyJson(source="suspended_evidence")


class SiteOutput(serializers.Serializer[Row]):
    """A site: what its operator says, what was measured, where it stands. `devices_given` go to the commons.

    `price` is micro-units (millionths of the minor unit of `currency`) per device-hour, computed from `inputs` alone.
    """

    slug = serializers.CharField(source="site.slug")
    name = serializers.CharField(source="site.name")
    operator = serializers.CharField(source="site.operator")
    region = serializers.CharField(source="site.region")
    country = serializers.CharField(source="site.country")
    device_kind = serializers.CharField(source="site.device_kind")
    devices = serializers.IntegerField(source="site.devices")
    memory_bytes = serializers.IntegerField(source="site.memory_bytes")
    measured = SiteMeasuredOutput(source="site")
    devices_given = serializers.IntegerField(source="devices")
    inputs = PriceInputsOutput(source="site.inputs")
    price = serializers.IntegerField()
    currency = serializers.CharField(source="site.currency")
    hours_max = serializers.IntegerField(source="site.hours_max")
    data_in = serializers.ListField(child=serializers.CharField(), source="site.data_in", allow_null=True)
    data_out = serializers.ListField(child=serializers.CharField(), source="site.data_out", allow_null=True)
    commons_share_bps = serializers.IntegerField(source="site.commons_share_bps")
    payout_address = serializers.CharField(source="site.payout_address", help_text="empty: it is not paid on chain")
    standing = serializers.ChoiceField(choices=[str(each) for each in lifecycle.Standing])
    serves = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField(source="site.created_at")
    last_seen_at = serializers.DateTimeField(source="site.seen_at", allow_null=True)
    drained_at = serializers.DateTimeField(source="site.drained_at", allow_null=True)
    left_at = serializers.DateTimeField(source="site.left_at", allow_null=True)
    suspended = serializers.SerializerMethodField()

    def get_suspended(self, row: Row) -> SuspendedOutput(allow_null=True):  # type: ignore[valid-type]
        """Return why it is suspended, or nothing."""
        return None if row.site.suspended_at is None else SuspendedOutput(row.site).data
