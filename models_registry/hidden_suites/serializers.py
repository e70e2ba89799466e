"""What comes in and goes out as JSON for hidden suites: nothing of their rows, and no salt before the opening."""

from rest_framework import serializers

from governance.serializers import StrictSerializer, StrictText
from governance.serializers.base import StrictInteger
from models_registry.datasets.kinds import OF_ROLE
from models_registry.datasets.rows import LANGUAGES
from models_registry.datasets.serializers import DIGEST
from models_registry.models import HiddenSuite, SuiteOpening


class SuiteInput(StrictSerializer):
    """What somebody who commits to a suite says of it; `python -m models_registry.hidden_suites` computes most."""

    community = StrictText()
    commitment = serializers.RegexField(DIGEST, help_text="SHA-256 that binds the rows, a salt and what is said below.")
    title = StrictText(max_length=200)
    kind = serializers.ChoiceField(choices=list(OF_ROLE["evaluation"]))
    records = StrictInteger(min_value=1)
    languages = serializers.ListField(child=StrictText(max_length=8), min_length=1, max_length=len(LANGUAGES))
    license = StrictText(max_length=40)
    opens_within_seconds = StrictInteger(min_value=1, help_text="How long the keeper has once a model is fixed.")


class OpeningOutput(serializers.ModelSerializer[SuiteOpening]):
    """That a suite was opened for one run whose model was fixed before."""

    run = serializers.CharField(source="run_record_id", help_text="Digest of the record of the run.")
    record = serializers.CharField(source="record_id")
    salt = serializers.CharField(source="record.body.salt")

    class Meta:
        """Fields."""

        model = SuiteOpening
        fields = ("run", "record", "salt")


class HiddenSuiteOutput(serializers.ModelSerializer[HiddenSuite]):
    """A hidden suite: what is public of it. `dataset` is what it turned out to be, null until it is opened."""

    community = serializers.CharField(source="community.slug")
    name = serializers.CharField(help_text="How a rule names it.")
    record = serializers.CharField(source="record_id")
    dataset = serializers.CharField(source="dataset.digest", default=None, allow_null=True)
    openings = OpeningOutput(many=True)

    class Meta:
        """Fields."""

        model = HiddenSuite
        fields = (
            "commitment",
            "name",
            "community",
            "title",
            "kind",
            "records",
            "languages",
            "license",
            "keeper",
            "opens_within_seconds",
            "committed_at",
            "record",
            "opened_at",
            "dataset",
            "openings",
        )
