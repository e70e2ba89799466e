"""Attacks on a golden release: facts changed and everything built again, files rewritten, and what was found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from models_registry.provenance.verify import Report, Status, check
from tests.simulators import golden_bundle
from tests.simulators.golden_bundle import KeySigner, Story


def failures(report: Report) -> dict[int, set[str]]:
    return {
        finding.number: {problem.code for problem in finding.problems}
        for finding in report.findings
        if finding.status is Status.FAILED
    }


def lines(folder: Path, name: str) -> list[bytes]:
    return (folder / "provenance" / name).read_bytes().splitlines(keepends=True)


def put(folder: Path, name: str, new: list[bytes]) -> None:
    (folder / "provenance" / name).write_bytes(b"".join(new))


def told(folder: Path, signer: KeySigner | None = None, **facts: Any) -> Report:
    """Rebuild everything from changed facts, as somebody with the release key could, and check it."""
    golden_bundle.build(folder, Story(**facts), signer)
    return check(folder)


def changing(kind: str, /, **changes: Any) -> Callable[[str, dict[str, Any]], None]:
    """Return an edit that changes the bodies of one kind of record."""

    def edit(found: str, body: dict[str, Any]) -> None:
        if found == kind:
            body.update(changes)

    return edit


def changing_with(kind: str, change: Callable[[dict[str, Any]], None]) -> Callable[[str, dict[str, Any]], None]:
    """Return an edit that calls `change` with the bodies of one kind of record."""

    def edit(found: str, body: dict[str, Any]) -> None:
        if found == kind:
            change(body)

    return edit
