"""What comes in and goes out as JSON for datasets."""

from typing import Any

from rest_framework import serializers

from governance.serializers import StrictSerializer, StrictText
from governance.serializers.base import AnyJson
from models_registry.datasets import intakes, uploads
from models_registry.datasets.data_kinds import read_country, read_data_kinds
from models_registry.datasets.formats.separated import DIALECTS
from models_registry.datasets.registering import NewDataset
from models_registry.datasets.rows import LANGUAGES, Reading, read_columns
from models_registry.datasets.scans import SCANS
from models_registry.models import Dataset, DatasetIntake, DatasetUpload
from models_registry.rights.sentences import removed_sentence
from models_registry.rights.settling import read_rights

DIGEST = r"^[0-9a-f]{64}$"


class DatasetInput(StrictSerializer):
    """What whoever sends a file says of it, and how it is to be read (`rows.Reading`)."""

    community = StrictText()
    slug = serializers.SlugField(max_length=80)
    title = StrictText(max_length=200)
    license = StrictText(max_length=40)
    role = serializers.ChoiceField(choices=["training", "evaluation"])
    digest = serializers.RegexField(DIGEST, required=False)
    columns = StrictText(max_length=4000, required=False, allow_blank=True)
    dialect = serializers.ChoiceField(choices=list(DIALECTS), required=False)
    language = serializers.ChoiceField(choices=list(LANGUAGES), required=False, allow_blank=True)
    topic = StrictText(max_length=200, required=False, allow_blank=True)
    # What kinds of data it is (a list, or text with commas), and where its rows are kept (`data_kinds`).
    data_kinds = AnyJson(required=False)
    country = StrictText(max_length=2, required=False, allow_blank=True)
    # Whose data it is (`rights.settling`): JSON, as text in a form; `croissant` may be a file there.
    sources = AnyJson(required=False)
    contributors = AnyJson(required=False)
    croissant = AnyJson(required=False)


class IntakeInput(DatasetInput):
    """A dataset from elsewhere: `upload`, or `url` with `sha256`, or `repository` with `revision`."""

    upload = serializers.IntegerField(required=False, min_value=1)
    url = StrictText(max_length=2000, required=False)
    sha256 = serializers.RegexField(DIGEST, required=False)
    name = StrictText(max_length=200, required=False)
    repository = StrictText(max_length=200, required=False)
    revision = StrictText(max_length=80, required=False)
    files = serializers.ListField(child=StrictText(max_length=500), required=False, max_length=100)


class UploadInput(StrictSerializer):
    """A file that will come in parts."""

    community = StrictText()
    name = StrictText(max_length=200)
    size = serializers.IntegerField(min_value=1, max_value=2**50)
    sha256 = serializers.RegexField(DIGEST)


def new_dataset(values: dict[str, Any], file_name: str = "") -> NewDataset:
    """Return what the values of a form say; raise IntakeError or Invalid for what cannot be read."""
    return NewDataset(
        slug=values["slug"],
        title=values["title"],
        license=values["license"],
        role=values["role"],
        file_name=file_name,
        digest=values.get("digest", ""),
        reading=Reading(
            columns=read_columns(values.get("columns", "")),
            language=values.get("language", ""),
            topic=values.get("topic", ""),
            dialect=values.get("dialect", "comma"),
        ),
        rights=read_rights(values),
        data_kinds=read_data_kinds(values.get("data_kinds", [])),
        country=read_country(values.get("country", "")),
    )


class SampleOutput(serializers.Serializer[Any]):
    """One finding of a scan: where it is, and the words around it; what is private is masked."""

    line = serializers.IntegerField(help_text="of the canonical file, from 1; 0: the dataset as a whole")
    what = serializers.CharField()
    field = serializers.CharField(help_text="the text of the row, or empty", allow_blank=True)
    before = serializers.CharField(allow_blank=True)
    found = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)
    like = serializers.IntegerField(help_text="line of the row that this one repeats; 0: none", default=0)


class LookedOutput(serializers.Serializer[Any]):
    """How many rows a scan looked at, drawn evenly, out of how many."""

    rows = serializers.IntegerField()
    of = serializers.IntegerField()


class LinesOutput(serializers.Serializer[Any]):
    """On which lines there are findings: the first few, and how many there are."""

    first = serializers.ListField(child=serializers.IntegerField())
    count = serializers.IntegerField()


class ScanOutput(serializers.Serializer[Any]):
    """What one scan found, what it cannot see, and a few samples."""

    scan = serializers.CharField()
    version = serializers.IntegerField()
    passed = serializers.BooleanField()
    unfinished = serializers.ChoiceField(
        ["time", "memory", "failed"],
        allow_null=True,
        default=None,
        help_text="what a scan ran out of that was not finished, which says nothing about the rows",
    )
    looked_at = LookedOutput(allow_null=True, default=None, help_text="null: every row")
    found = serializers.IntegerField()
    detail = serializers.CharField()
    said = serializers.CharField(default="", help_text="the code of the sentence in `detail`; `facts` fill its blanks")
    facts = serializers.DictField(default=dict)
    lines = LinesOutput(default=None, allow_null=True)
    blocks = serializers.BooleanField(help_text="whether findings forbid inclusion, or only warn the voters")
    blind_to = serializers.SerializerMethodField()
    kinds = serializers.DictField(child=serializers.IntegerField(), default=dict)
    samples = SampleOutput(many=True, default=list)

    def get_blind_to(self, result: dict[str, Any]) -> str:
        """Return what the scan of this name cannot see."""
        scan = SCANS.get(result["scan"])
        return scan.blind_to if scan else ""


class DatasetOutput(serializers.ModelSerializer[Dataset]):
    """A dataset."""

    community = serializers.CharField(source="community.slug")
    record = serializers.CharField(source="inclusion_record_id", allow_null=True)
    scans = ScanOutput(many=True)
    removed = serializers.SerializerMethodField()

    def get_removed(self, dataset: Dataset) -> str | None:
        """Return when and why a dataset was removed, in one sentence; null for one that stands."""
        removal = getattr(dataset, "removal", None)
        return None if removal is None else removed_sentence(removal)

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
            "records_root",
            "shards",
            "languages",
            "data_kinds",
            "country",
            "scans",
            "sources",
            "contributors",
            "contributions",
            "removed",
            "registered_by",
            "registered_at",
            "included_at",
            "record",
        )


class UploadOutput(serializers.ModelSerializer[DatasetUpload]):
    """A file that comes in parts, and how much of it is there."""

    community = serializers.CharField(source="community.slug")
    received = serializers.SerializerMethodField()
    expires_at = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = DatasetUpload
        fields = ("id", "community", "name", "size", "sha256", "received", "created_at", "expires_at")

    def get_received(self, row: DatasetUpload) -> int:
        """Return how many bytes are there."""
        return uploads.received(row)

    def get_expires_at(self, row: DatasetUpload) -> str:
        """Return when it is removed if nobody asks for it."""
        return uploads.expires_at(row).isoformat()


class IntakeOutput(serializers.ModelSerializer[DatasetIntake]):
    """A dataset on its way in."""

    community = serializers.CharField(source="community.slug")
    title = serializers.CharField(source="asked.title")
    state = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    dataset = serializers.CharField(source="dataset.digest", allow_null=True, default=None)

    class Meta:
        """Fields."""

        model = DatasetIntake
        fields = (
            "id",
            "community",
            "title",
            "source",
            "actor",
            "state",
            "attempts",
            "requested_at",
            "next_at",
            "done_at",
            "failed_at",
            "error",
            "dataset",
        )

    def get_state(self, row: DatasetIntake) -> str:
        """Return what it is doing: planned, reading, waiting (for the next attempt), refused or done."""
        return intakes.state(row, self.context["now"])

    def get_error(self, row: DatasetIntake) -> dict[str, str] | None:
        """Return why the last attempt did not work."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None


class DatasetRecordOutput(serializers.Serializer[Any]):
    """One row of a dataset and the proof that it is in it (RFC 6962, 2.1.1)."""

    dataset = serializers.CharField()
    number = serializers.IntegerField(help_text="of the row, from 1, as lines of the file")
    leaf_index = serializers.IntegerField(help_text="of the leaf, from 0, as RFC 6962 counts")
    records = serializers.IntegerField(help_text="leaves of the tree")
    row = serializers.DictField(child=serializers.CharField())
    canonical = serializers.CharField(help_text="the leaf: the row as RFC 8785 writes it, without a newline")
    leaf_hash = serializers.CharField(help_text="SHA-256 over a zero byte and the leaf, hex")
    path = serializers.ListField(child=serializers.CharField(), help_text="audit path, nearest sibling first, hex")
    records_root = serializers.CharField()
