"""`verify --status URL`: asks the community's site how a release stands today. Made only when asked for.

An offline check cannot know what was decided after the release. The site answers with words, with entries of the
community's log about the release, and with a checkpoint that the community's key signed. Entries are proved to be in
that log (RFC 6962), so a pause or a withdrawal that is proved is one; that nothing was left out, nobody can prove, and
so *current* is always the word of the site. No answer is *not asked*, never *current*.

Nothing but the standard library, one request, no redirect.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from governance.evidence import merkle
from governance.evidence.canonical import CanonicalError, strict_loads
from governance.evidence.checkpoint import Checkpoint, CheckpointError, log_origin, open_note
from governance.evidence.record import DIGEST_PATTERN
from models_registry.provenance.case import TrustRoots, load
from models_registry.provenance.report import Report, Status

TIMEOUT_SECONDS: Final = 10.0
ANSWER_BYTES_MAX: Final = 2 * 1024 * 1024
ENTRIES_MAX: Final = 100
NOT_ASKED: Final = "not_asked"
STANDINGS: Final = ("current", "older", "set_back", "paused", "withdrawn")
STOPPED: Final = frozenset({"paused", "withdrawn"})
# What an entry of the log shows about the release from then on.
SHOWS: Final[Mapping[str, str]] = {
    "version_released": "current",
    "release_paused": "paused",
    "release_held": "paused",
    "release_pause_ended": "current",
    "release_withdrawn": "withdrawn",
    "release_rolled_back": "set_back",
}
# The entry that tells of measuring it again; it shows nothing about how it stands.
MEASURED: Final = "release_measured_again"
_SECONDS_MAX: Final = 253_402_300_800  # the first second that a calendar of four digits has not
_NEEDS: Final = (1, 2, 10)
_REASON_CHARACTERS: Final = 600


@dataclass(frozen=True)
class Standing:
    """How a release stands, as one site said it. `proved` is whether an entry of the signed log shows just this.

    `standing` is one of STANDINGS, or NOT_ASKED where no usable answer came; `says` is the sentence for people.
    """

    standing: str
    says: str
    host: str = ""
    proved: bool = False
    log_size: int | None = None
    until: int | None = None
    measured: "Measured | None" = None

    @property
    def asked(self) -> bool:
        """Whether a usable answer came."""
        return self.standing != NOT_ASKED

    @property
    def stopped(self) -> bool:
        """Whether the community does not want this release to be handed out now."""
        return self.standing in STOPPED

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as data."""
        return {
            "standing": self.standing,
            "says": self.says,
            "host": self.host,
            "proved": self.proved,
            "log_size": self.log_size,
            "until": self.until,
            "measured_again": self.measured.to_dict() if self.measured else None,
        }


@dataclass(frozen=True)
class Measured:
    """That the release was measured again, as an entry of the signed log says it: when (UNIX seconds), and what came.

    `record` is the digest of the record with the values. It is no part of the release: whoever wants to know more
    fetches it from the site, and holds its digest against this one.
    """

    at: int
    holds: bool
    record: str

    @property
    def says(self) -> str:
        """The sentence for people."""
        day = f"{datetime.fromtimestamp(self.at, UTC):%Y-%m-%d}"
        found = "holds" if self.holds else "breaks a rule, or measures worse than at its release"
        return f"measured again on {day}: {found} (record {self.record}, in the signed log)"

    def to_dict(self) -> dict[str, Any]:
        """Return it as data."""
        return {"at": self.at, "holds": self.holds, "record": self.record, "says": self.says}


class _NotAnswered(Exception):
    """The site could not be asked, or said nothing that can be used; says nothing about the release."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nobody elsewhere; the status is then the answer."""


def ask_standing(report: Report, folder: Path, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Standing:
    """Ask the site at `url` how the release in `folder` stands. Raises ValueError for what is no address of a site.

    1. only for a release whose records hold together and are signed (checks 1, 2 and 10)
    2. the answer is about this release
    3. the checkpoint is signed by the community's founding key, for its own log
    4. each entry is in that log and about this release; of what is said and what is proved the worse counts
    """
    host, address = _address(url)
    failed = [number for number in _NEEDS if report.findings[number - 1].status is not Status.PASSED]
    if failed:  # 1
        return Standing(NOT_ASKED, f"rests on check {' and '.join(map(str, failed))}, which did not pass", host)
    case = load(folder, TrustRoots(consistency_only=True))
    if case.release is None or case.community is None:
        return Standing(NOT_ASKED, "there is no release to ask about", host)
    release, community = case.release, case.community.body
    try:
        said = _said(f"{address}/api/v1/releases/{release.body['revision']}/status", host, timeout_seconds)
        _require_about(said, release.digest)  # 2
        checkpoint = _checkpoint(said, community)  # 3
        shown = _shown(said, checkpoint, release.body["revision"])  # 4
        measured = _measured(said, release.body["revision"])
    except _NotAnswered as error:
        return Standing(NOT_ASKED, str(error), host)
    size = checkpoint.size if checkpoint else None
    return replace(_judged(said, shown, host), log_size=size, measured=measured)


def _judged(said: Mapping[str, Any], shown: str, host: str) -> Standing:
    """Return the worse of what the site says and what the newest proved entry shows."""
    standing, reason = said["standing"], said["reason"]
    because = f": {reason}" if reason else ""
    until = said["until"]
    if shown == "withdrawn" and standing != "withdrawn":
        return Standing(
            "withdrawn", f"{host} says {standing}, its own log says that it was withdrawn", host, proved=True
        )
    if standing == "withdrawn":
        return Standing(standing, f"the community has withdrawn it{because}", host, shown == "withdrawn")
    if standing == "paused":
        return Standing(standing, f"it is paused and not handed out now{because}", host, shown == "paused", until=until)
    if standing == "set_back":
        return Standing(
            standing, f"the community has gone back to an earlier version{because}", host, shown == standing
        )
    newer = "; there is a newer version" if standing == "older" else ""
    ground = said["rests_on_stopped"]
    warned = f"; it was built on {ground}, which is stopped" if ground else ""
    return Standing(
        standing, f"handed out, as {host} says{newer}{warned}; nobody can prove that nothing is left out", host
    )


def _address(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("the address of a site is http(s)://host… without a user name")
    return parts.hostname, url.rstrip("/").removesuffix("/hub")


def _said(address: str, host: str, timeout_seconds: float) -> Mapping[str, Any]:
    """Return the answer of the site; raise _NotAnswered for anything but such an answer."""
    request = urllib.request.Request(address, headers={"Accept": "application/json", "Accept-Encoding": "identity"})  # noqa: S310 - the scheme was checked
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_seconds) as response:
            body = response.read(ANSWER_BYTES_MAX + 1)
        said = strict_loads(body, max_bytes=ANSWER_BYTES_MAX)
    except urllib.error.HTTPError as error:
        error.close()
        raise _NotAnswered(f"{host} answered with HTTP status {error.code}") from None
    except CanonicalError:
        raise _NotAnswered(f"the answer of {host} cannot be read") from None
    except (OSError, ValueError, ArithmeticError) as error:
        raise _NotAnswered(f"no answer from {host}: {type(error).__name__}") from None
    if not isinstance(said, dict) or not _fits(said):
        raise _NotAnswered(f"{host} did not answer with how a release stands")
    return {**said, "reason": " ".join(said["reason"].split())[:_REASON_CHARACTERS]}


def _fits(said: Mapping[str, Any]) -> bool:
    ground, until, entries = (said.get(name) for name in ("rests_on_stopped", "until", "entries"))
    return (
        said.get("standing") in STANDINGS
        and isinstance(said.get("reason"), str)
        and (until is None or type(until) is int)
        and (ground is None or isinstance(ground, str))
        and (said.get("checkpoint") is None or isinstance(said["checkpoint"], str))
        and isinstance(entries, list)
        and len(entries) <= ENTRIES_MAX
    )


def _require_about(said: Mapping[str, Any], release: str) -> None:
    if said.get("release") != release:
        raise _NotAnswered("the answer is about another release record")


def _checkpoint(said: Mapping[str, Any], community: Mapping[str, Any]) -> Checkpoint | None:
    """Return the signed state of the log; None where the site has none yet."""
    if said["checkpoint"] is None:
        return None
    try:
        origin = log_origin(community["instance"], community["slug"])
        return open_note(said["checkpoint"], origin, community["release_key"]["public_key"])
    except CheckpointError as error:
        raise _NotAnswered(f"the log's checkpoint does not hold: {error.code}") from error


def _shown(said: Mapping[str, Any], checkpoint: Checkpoint | None, revision: str) -> str:
    """Return what the newest proved entry about this release shows; raise _NotAnswered for one that is not proved."""
    shown, newest = "", -1
    for entry in said["entries"]:
        position, leaf, proof = (entry.get(name) if isinstance(entry, dict) else None for name in _ENTRY)
        if checkpoint is None or type(position) is not int or not isinstance(leaf, str) or not isinstance(proof, list):
            raise _NotAnswered("an entry of the log comes without its proof")
        if not merkle.verify_inclusion(leaf.encode(), position, checkpoint.size, proof, checkpoint.root):
            raise _NotAnswered(f"entry {position} is not in the log that the community signed")
        found = _of_leaf(leaf, revision)
        if found and (found == "withdrawn" or (position > newest and shown != "withdrawn")):
            shown, newest = found, max(newest, position)
    return shown


_ENTRY: Final = ("position", "leaf", "proof")


def _measured(said: Mapping[str, Any], revision: str) -> Measured | None:
    """Return what the newest entry about measuring this release again says; `_shown` has proved every entry."""
    newest, found = -1, None
    for entry in said["entries"]:
        try:
            event = strict_loads(entry["leaf"].encode(), max_bytes=ANSWER_BYTES_MAX)
        except CanonicalError:
            continue
        data = event.get("data") if isinstance(event, dict) and event.get("kind") == MEASURED else None
        if not isinstance(data, dict) or data.get("revision") != revision or entry["position"] < newest:
            continue
        at, holds, record = event["at"], data.get("holds"), data.get("record")
        if type(at) is int and 0 <= at < _SECONDS_MAX and isinstance(holds, bool) and _is_digest(record):
            newest, found = entry["position"], Measured(at, holds, str(record))
    return found


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and DIGEST_PATTERN.fullmatch(value) is not None


def _of_leaf(leaf: str, revision: str) -> str:
    """Return what an entry shows about this release; nothing for an entry about something else."""
    try:
        event = json.loads(leaf)
    except ValueError:
        return ""
    data = event.get("data") if isinstance(event, dict) else None
    if not isinstance(data, dict):
        return ""
    shows = SHOWS.get(str(event.get("kind")), "")
    left = data.get("left")
    if shows == "set_back":
        was_left = isinstance(left, list) and revision in left
        return shows if was_left else "current" if data.get("revision") == revision else ""
    return shows if data.get("revision") == revision else ""
