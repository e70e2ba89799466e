"""Asks the independent implementations of peer.mjs, over one node process."""

import json
import subprocess
from pathlib import Path
from typing import Any, Self

SCRIPT = Path(__file__).with_name("peer.mjs")


class Peer:
    """A running peer.mjs. Answers come in the order of the questions."""

    def __enter__(self) -> Self:
        """Start node."""
        self._process = subprocess.Popen(
            ["node", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End of input ends node."""
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def ask(self, op: str, **question: Any) -> dict[str, Any]:
        """Ask one question; the answer has an `error` where the peers refuse."""
        self._process.stdin.write(json.dumps({"op": op, **question}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
