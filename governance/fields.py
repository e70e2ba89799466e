"""Database fields for values that no SQL number holds on every database: voting power up to 2^256 − 1."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

POWER_DIGITS = 78


class PowerField(models.CharField):
    """A non-negative integer of up to 78 digits, stored as zero-padded text so that sorting by it is exact.

    SQLite would round a large NUMERIC to a double, in silence; text keeps every unit on every database.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's signature
        """Fix the length; everything else is Django's."""
        kwargs["max_length"] = POWER_DIGITS
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Leave the fixed length out of migrations."""
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return name, path, args, kwargs

    def from_db_value(self, value: str | None, _expression: object, _connection: object) -> int | None:
        """Read the stored text as an integer."""
        return None if value is None else int(value)

    def to_python(self, value: object) -> int | None:
        """Accept integers and decimal text."""
        if value is None or type(value) is int:
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        raise ValidationError(f"{value!r} is not a whole number of at least 0")

    def get_prep_value(self, value: object) -> str | None:
        """Write zero-padded text; refuse what is out of range."""
        number = self.to_python(value)
        if number is None:
            return None
        text = str(number)
        if number < 0 or len(text) > POWER_DIGITS:
            raise ValidationError(f"{number} is outside 0 to 10^{POWER_DIGITS}")
        return text.zfill(POWER_DIGITS)
