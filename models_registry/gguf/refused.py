"""The one refusal of a conversion."""


class Refused(ValueError):
    """Something that a GGUF file cannot carry exactly, or a file that may not be written. `code` is stable."""

    def __init__(self, code: str, place: str, detail: str) -> None:
        """Keep the parts beside the message: a stable code, the place, and what was found and is allowed."""
        super().__init__(f"{code}: {place}: {detail}")
        self.code = code
        self.place = place
        self.detail = detail
