"""What is refused here, each with a stable code and a sentence."""

from typing import Final

_SHOWN_CHARACTERS: Final = 80


class Eip712Error(ValueError):
    """Base of the refusals here: `code` is stable, `detail` says what was found and what is allowed."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class SignatureError(Eip712Error):
    """A refused signature: `malformed_field`, `signature_not_canonical` or `signature_invalid`."""


class AddressError(Eip712Error):
    """A refused address: `malformed_field` or `address_checksum`."""


class FieldError(Eip712Error):
    """A message field that does not fit its type: always `malformed_field`, with the name of the field."""

    def __init__(self, field: str, detail: str) -> None:
        """Name the field beside the sentence."""
        super().__init__("malformed_field", f"{field}: {detail}")
        self.field = field


class BackendError(RuntimeError):
    """The compiled back end for keccak or secp256k1 is not what runs."""


def shown(value: object) -> str:
    """Return a short printable form for an error message."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
