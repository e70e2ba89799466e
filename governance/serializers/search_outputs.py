"""What goes out as JSON about what was found."""

from typing import Any

from rest_framework import serializers

from governance.search import Hit


class HitOutput(serializers.Serializer[Hit]):
    """One thing. `kind` and `key` name it within its community, as the other answers of the API do."""

    kind = serializers.CharField()
    community = serializers.CharField(source="community.slug")
    key = serializers.CharField()
    title = serializers.CharField()
    title_fr = serializers.CharField(help_text="empty where there is one title for both languages")
    extract = serializers.SerializerMethodField(help_text="the words around what matched, as plain text")
    state = serializers.CharField(help_text="of a decision; empty for everything else")
    at = serializers.DateTimeField()

    def get_extract(self, hit: Hit) -> str:
        """Return it without marks."""
        return "".join(piece.text for piece in hit.extract)


class SearchOutput(serializers.Serializer[Any]):
    """One page of what matches."""

    total = serializers.IntegerField()
    page = serializers.IntegerField(source="number")
    pages = serializers.IntegerField()
    more = serializers.BooleanField(help_text="too much matches to rank all of it; `total` counts what was ranked")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="by kind, before that filter")
    results = HitOutput(source="hits", many=True)
