"""What goes out as JSON about the names of accounts."""

from typing import Any

from rest_framework import serializers


class AccountNameOutput(serializers.Serializer[Any]):
    """An account, what a resolver told that it is called, and when; empty and null where nothing was told lately."""

    address = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    told_at = serializers.DateTimeField(allow_null=True)
