"""What comes in and goes out as JSON for datasets."""

from rest_framework import serializers

from governance.serializers import StrictSerializer, StrictText
from models_registry.models import Dataset


class DatasetInput(StrictSerializer):
    """What a form says of the file that it sends."""

    community = StrictText()
    slug = serializers.SlugField(max_length=80)
    title = StrictText(max_length=200)
    license = StrictText(max_length=40)
    role = serializers.ChoiceField(choices=["training", "evaluation"])
    digest = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)


class DatasetOutput(serializers.ModelSerializer[Dataset]):
    """A dataset."""

    community = serializers.CharField(source="community.slug")
    record = serializers.CharField(source="inclusion_record_id", allow_null=True)

    class Meta:
        """Fields."""

        model = Dataset
        fields = (
            "digest",
            "community",
            "slug",
            "title",
            "license",
            "role",
            "kind",
            "records",
            "size",
            "languages",
            "scans",
            "registered_by",
            "registered_at",
            "included_at",
            "record",
        )
