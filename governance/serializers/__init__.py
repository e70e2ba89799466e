"""What comes in and goes out as JSON for governance."""

from governance.serializers.base import (
    AnyJson,
    ProblemOutput,
    StrictInteger,
    StrictObject,
    StrictSerializer,
    StrictText,
)

__all__ = ["AnyJson", "ProblemOutput", "StrictInteger", "StrictObject", "StrictSerializer", "StrictText"]
