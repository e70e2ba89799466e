"""How a child process says that it failed for good."""

PERMANENT_EXIT = 3


class PermanentFailure(Exception):
    """Trying again with the same files would fail the same way. `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
