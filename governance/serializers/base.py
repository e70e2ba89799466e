"""The strict base that all apps read their input with, and the form of every refusal.

Strict: unknown keys are refused, and text is not a number, a number is not text, true is not 1.
"""

from functools import lru_cache
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.errors import Malformed


class StrictText(serializers.CharField):
    """Text that is text."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - DRF's signature
        """Keep spaces as they are: what was signed is what counts."""
        super().__init__(**{"trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: object) -> str:
        """Refuse numbers, booleans and null."""
        if not isinstance(data, str):
            raise serializers.ValidationError("this is text")
        return data


class StrictInteger(serializers.IntegerField):
    """A whole number that is written as one."""

    def to_internal_value(self, data: object) -> int:
        """Refuse text, fractions and booleans."""
        if type(data) is not int:
            raise serializers.ValidationError("this is a whole number, without quotes or fraction")
        return data


class StrictObject(serializers.DictField):
    """A JSON object."""

    def to_internal_value(self, data: object) -> dict[str, Any]:
        """Refuse anything else."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("this is a JSON object")
        return data


class StrictSerializer(serializers.Serializer[Any]):
    """Input of exactly the declared keys. A subclass declares fields and nothing else."""

    @classmethod
    def read(cls, data: object) -> dict[str, Any]:
        """Return the checked values; raise Malformed with the first field that is wrong."""
        fields = _fields_of(cls)
        if not isinstance(data, dict):
            raise Malformed("malformed_json", "the body is a JSON object")
        unknown = sorted(data.keys() - fields.keys())
        if unknown:
            raise Malformed("unknown_field", "there is no such field", field=unknown[0][:80], allowed=sorted(fields))
        values = {}
        for name, field in fields.items():
            try:
                values[name] = field.run_validation(data.get(name, serializers.empty))
            except serializers.SkipField:
                continue
            except serializers.ValidationError as error:
                first = error.detail[0] if isinstance(error.detail, list) else error.detail
                code = "missing_field" if getattr(first, "code", "") == "required" else "malformed_field"
                raise Malformed(code, str(first), field=name, found=data.get(name)) from error
        return values


@lru_cache
def _fields_of(serializer: type[StrictSerializer]) -> dict[str, Any]:
    """Return the bound fields, made once: they keep nothing of what they read."""
    return dict(serializer().fields)


@extend_schema_field(OpenApiTypes.ANY)
class AnyJson(serializers.Field[Any, Any, Any, Any]):
    """Any JSON; whoever owns it checks its form."""

    def to_internal_value(self, data: object) -> object:
        """Pass it on."""
        return data

    def to_representation(self, value: object) -> object:
        """Pass it on."""
        return value


class ProblemOutput(serializers.Serializer[Any]):
    """Every refusal (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    field = serializers.CharField(required=False)
