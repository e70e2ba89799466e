"""Every refusal of this app, as one named error with a stable code, what was found and what is allowed.

Grouped by whose fault it is; `config/api_errors.py` maps the groups to HTTP, so that pure code knows nothing of it.
"""


class Refusal(Exception):
    """Something was asked that is not done. `code` is stable, `field` names the part of the input when there is one."""

    status = 422

    def __init__(
        self, code: str, detail: str, *, field: str = "", found: object = None, allowed: object = None
    ) -> None:
        """Keep everything that a clear answer needs."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field
        self.found = found
        self.allowed = allowed


class Malformed(Refusal):
    """The input cannot be read at all."""

    status = 400


class NotAuthenticated(Refusal):
    """Nobody has signed in, or the sign-in is refused."""

    status = 401


class Forbidden(Refusal):
    """This account may not do it."""

    status = 403


class NotFound(Refusal):
    """There is no such thing."""

    status = 404


class Conflict(Refusal):
    """The current state forbids it."""

    status = 409


class TooLarge(Refusal):
    """More bytes than are read here."""

    status = 413


class TooMany(Refusal):
    """As much as is taken within a time; there is room again after `retry_after_seconds`."""

    status = 429

    def __init__(
        self, code: str, detail: str, *, retry_after_seconds: int, found: object = None, allowed: object = None
    ) -> None:
        """Keep when there is room again, beside what every refusal keeps."""
        super().__init__(code, detail, found=found, allowed=allowed)
        self.retry_after_seconds = max(1, retry_after_seconds)


class Invalid(Refusal):
    """Well-formed, and still not acceptable."""

    status = 422


class Unavailable(Refusal):
    """Something outside does not answer; trying again can help."""

    status = 503
