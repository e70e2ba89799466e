"""Verification of a receipt, offline: from the voter's signature to the tally in the signed log. Believes nobody.

A receipt (version 2) is one JSON object:

    {"version": 2, "digest": <of the ballot record>, "proposal": "0x<digest of the proposal record>",
     "status": "counting" | "counted" | "replaced",
     "community": <record>, "proposal_record": <record>, "ballot": <record>,
     "log": {"position", "leaf": {"actor", "at", "data", "kind", "proposal"}, "size", "proof": [hex], "checkpoint"},
     "count": null | {"tally": <record>, "index", "size", "proof": [hex], "log": {… of the tally}},
     "replaced_by": null | <ballot record>}

`replaced_by`, which may be left out where there is none, is the newer ballot that counts instead: signed by the same
voter, so nobody else can replace a ballot. A `log` is null until a signed checkpoint covers it; then nothing is shown.

Not shown by a receipt: that all other ballots are counted, and counted right (`governance.recount` of the audit bundle
does that), that the voter had this power at the snapshot, and that other people see the same log: compare checkpoints.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from governance import eip712
from governance.evidence import merkle
from governance.evidence.canonical import CanonicalError, canonical_bytes
from governance.evidence.checkpoint import Checkpoint, CheckpointError, log_origin, open_note
from governance.evidence.record import Record
from governance.evidence.signing import fingerprint, is_usable_public_key
from governance.sealed import box
from governance.wallets.asking import asked_of

VERSION = 2
_KEYS = frozenset(("version", "digest", "proposal", "status", "community", "proposal_record", "ballot", "log", "count"))
_REPLACED_BY = "replaced_by"
_LOG_KEYS = frozenset(("position", "leaf", "size", "proof", "checkpoint"))
_LEAF_KEYS = frozenset(("actor", "at", "data", "kind", "proposal"))
_COUNT_KEYS = frozenset(("tally", "index", "size", "proof", "log"))


class Status(StrEnum):
    """What a receipt shows."""

    COUNTED = "counted"
    SEEN = "seen"
    REPLACED = "replaced"
    INVALID = "invalid"


# What the document itself may say where the evidence shows this.
_CLAIMS = {Status.COUNTED: "counted", Status.SEEN: "counting", Status.REPLACED: "replaced"}


class KeyMissing(ValueError):
    """No key was given to hold the receipt against: anybody can sign a log with a key of their own."""

    def __init__(self) -> None:
        """Say what is needed."""
        super().__init__("the community's release key, or its SHA-256 fingerprint, is needed (64 hex characters)")


@dataclass(frozen=True)
class Finding:
    """The answer to one numbered check. `holds` is None where it was not made; `place` names the part at fault."""

    number: int
    title: str
    holds: bool | None
    evidence: str
    code: str = ""
    place: str = ""


@dataclass(frozen=True)
class Report:
    """What the receipt shows, with every finding in order."""

    status: Status
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Say whether everything that the receipt claims is shown."""
        return self.status is not Status.INVALID

    def to_dict(self) -> dict[str, Any]:
        """Return the report as data."""
        return {"status": str(self.status), "findings": [dict(vars(finding)) for finding in self.findings]}


class _Fault(Exception):
    """What is wrong, and where."""

    def __init__(self, code: str, place: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.place, self.detail = code, place, detail


class _Pending(Exception):
    """Why a check has nothing to look at."""


def verify_receipt(document: object, community_key: str) -> Report:
    """Verify a parsed receipt against the key that you trust (64 hex digits), or its fingerprint.

    1. the document is complete, its records have their digests and rest on each other
    2. the community record carries the key that you trust
    3. the voter signed this ballot for this proposal
    4. the ballot is in the community's log, under a checkpoint signed by that key
    5. the tally of this proposal contains this very ballot, or the voter replaced it by a newer one
    6. the tally is in the log, too, later
    7. the document claims no more and no less than that.
    A check that has nothing to look at, or rests on one that failed, says so. Raises KeyMissing without a key.
    """
    if not isinstance(community_key, str) or len(community_key) != 64:  # noqa: PLR2004 - hex digits
        raise KeyMissing
    case = _Case(document, community_key.lower())
    findings: list[Finding] = []
    for number, (title, check) in enumerate(_CHECKS, start=1):
        if any(finding.holds is False for finding in findings):
            findings.append(Finding(number, title, None, "rests on a check that did not hold"))
            continue
        try:
            findings.append(Finding(number, title, True, check(case)))
        except _Pending as pending:
            findings.append(Finding(number, title, None, str(pending)))
        except _Fault as fault:
            findings.append(Finding(number, title, False, fault.detail, fault.code, fault.place))
    failed = any(finding.holds is False for finding in findings)
    return Report(Status.INVALID if failed else case.shown, tuple(findings))


@dataclass
class _Case:
    """The document, and what the checks have read of it so far."""

    document: Any
    key: str
    shown: Status = Status.SEEN

    def __post_init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.checkpoints: dict[int, Checkpoint] = {}

    def record(self, name: str) -> Record:
        return self.records[name]


def _check_form(case: _Case) -> str:
    """1."""
    optional = {_REPLACED_BY} if isinstance(case.document, dict) and _REPLACED_BY in case.document else set()
    document = _exactly(case.document, _KEYS | optional, "receipt")
    if type(document["version"]) is not int or document["version"] != VERSION:
        raise _Fault("version_unknown", "receipt.version", f"version {VERSION} is needed")
    for name, kind in (("community", "community"), ("proposal_record", "proposal"), ("ballot", "ballot")):
        case.records[name] = _record(document[name], kind, name)
    proposal, ballot = case.record("proposal_record"), case.record("ballot")
    if case.record("community").digest not in proposal.parents:
        raise _Fault("parent_wrong", "proposal_record.parents", "the proposal is not one of this community")
    if ballot.parents != (proposal.digest,):
        raise _Fault("parent_wrong", "ballot.parents", f"the ballot rests on {ballot.parents}, not on this proposal")
    if document["digest"] != ballot.digest:
        raise _Fault("digest_wrong", "receipt.digest", f"the ballot's digest is {ballot.digest}")
    if document["proposal"] != f"0x{proposal.digest}":
        raise _Fault("digest_wrong", "receipt.proposal", f"the proposal's digest is 0x{proposal.digest}")
    if ballot.subject != f"ballot:{proposal.digest}/{ballot.body.get('voter')}":
        raise _Fault("subject_wrong", "ballot.subject", "it is not named after its proposal and voter")
    return f"ballot {ballot.digest} on proposal {proposal.digest}"


def _check_key(case: _Case) -> str:
    """2."""
    place, body = "community.body.release_key", case.record("community").body
    for name, kind in (("chain_id", int), ("token", str), ("instance", str), ("slug", str)):
        if type(body.get(name)) is not kind:
            raise _Fault("malformed_record", f"community.body.{name}", f"{kind.__name__} is needed")
    release_key = body.get("release_key")
    public = release_key.get("public_key") if isinstance(release_key, dict) else None
    if not isinstance(public, str) or not is_usable_public_key(public):
        raise _Fault("key_unusable", place, "no usable Ed25519 key stands there")
    if case.key not in (public, fingerprint(public)):
        raise _Fault("key_untrusted", place, f"{public} is not the key that you trust")
    return f"the community's key has the fingerprint {fingerprint(public)}"


def _check_signature(case: _Case) -> str:
    """3."""
    ballot = case.record("ballot")
    _require_signed(case, ballot, "ballot.body")
    what = "this sealed ballot" if "sealed" in ballot.body else "this choice"
    return f"{ballot.body['voter']} signed {what} for this proposal"


def _check_logged(case: _Case) -> str:
    """4."""
    position = _require_logged(case, case.document["log"], "log", "ballot", case.record("ballot").digest)
    return f"entry {position} of the log, under a checkpoint signed by the community"


def _check_counted(case: _Case) -> str:
    """5."""
    newer = case.document.get(_REPLACED_BY)
    if newer is not None:
        return _check_replaced(case, newer)
    if case.document["status"] == _CLAIMS[Status.REPLACED]:
        raise _Fault("replacement_missing", "receipt.replaced_by", "only the voter's newer ballot shows that it counts")
    if case.document["count"] is None:
        raise _Pending("the vote is not counted yet; get the receipt again after it has closed")
    count = _exactly(case.document["count"], _COUNT_KEYS, "count")
    tally = case.records["tally"] = _record(count["tally"], "tally", "count.tally")
    if case.record("proposal_record").digest not in tally.parents:
        raise _Fault("parent_wrong", "count.tally.parents", "it counts another proposal")
    index, size = _count_of(count, "index", "count"), _count_of(count, "size", "count")
    if tally.body.get("ballot_count") != size:
        raise _Fault("proof_wrong", "count.size", f"the tally counted {tally.body.get('ballot_count')!r} ballots")
    leaf, root = case.record("ballot").canonical(), str(tally.body.get("ballots_root"))
    if not merkle.verify_inclusion(leaf, index, size, _proof(count, "count"), root):
        raise _Fault("not_counted", "count.proof", "the ballots of the tally do not contain this ballot at this place")
    case.shown = Status.COUNTED
    return f"ballot {index + 1} of the {size} that were counted"


def _check_replaced(case: _Case, document: object) -> str:
    ballot, newer = case.record("ballot"), _record(document, "ballot", _REPLACED_BY)
    if newer.parents != ballot.parents or newer.body.get("voter") != ballot.body["voter"]:
        raise _Fault("replacement_foreign", "replaced_by", "it is another voter's, or on another proposal")
    # A contract's word cannot be seen here, so it replaces a contract's ballot at most, and never a key's.
    if "wallet" in ballot.body and "wallet" in newer.body and newer.body["nonce"] > ballot.body["nonce"]:
        case.shown = Status.REPLACED
    _require_signed(case, newer, "replaced_by.body")
    if newer.body["nonce"] <= ballot.body["nonce"]:
        raise _Fault("replacement_older", "replaced_by.body.nonce", f"{newer.body['nonce']} is not a newer ballot's")
    case.shown = Status.REPLACED
    return f"the voter signed a newer ballot, {newer.digest}"


def _check_tally_logged(case: _Case) -> str:
    """6."""
    if case.shown is not Status.COUNTED:
        raise _Pending("there is no tally in this receipt to look for")
    position = _require_logged(case, case.document["count"]["log"], "count.log", "tally", case.record("tally").digest)
    if position <= case.document["log"]["position"]:
        raise _Fault("order_wrong", "count.log.position", "the tally stands before the ballot")
    return f"entry {position} of the log"


def _check_claim(case: _Case) -> str:
    """7."""
    claimed, shown = case.document["status"], _CLAIMS[case.shown]
    if claimed != shown:
        raise _Fault("status_wrong", "receipt.status", f"it says {claimed!r}, its evidence shows {shown!r}")
    if case.shown is not Status.COUNTED and case.document["count"] is not None:
        raise _Fault("status_wrong", "count", "a ballot that was replaced is in no tally")
    return f"it says {claimed!r}"


_CHECKS: tuple[tuple[str, Callable[[_Case], str]], ...] = (
    ("the receipt is complete, and its records belong together", _check_form),
    ("the community is the one that you trust", _check_key),
    ("the ballot is signed by its voter", _check_signature),
    ("the ballot is in the log", _check_logged),
    ("the ballot is among those counted", _check_counted),
    ("the tally is in the log", _check_tally_logged),
    ("the receipt says what it shows", _check_claim),
)


def _require_signed(case: _Case, ballot: Record, place: str) -> None:
    """Raise unless the voter named in a ballot signed exactly this for this proposal.

    What a contract wallet stands by only its chain can say: that is left open, and the rest is looked at.
    """
    body, community = ballot.body, case.record("community").body
    if "wallet" in body:
        asked = asked_of(body["wallet"])
        if asked is None:
            raise _Fault("malformed_record", f"{place}.wallet", "it does not say which wallet was asked at which block")
        raise _Pending(
            f"a contract wallet stood by this ballot at block {asked.block_number} of chain {community['chain_id']}; "
            "only that chain can confirm it"
        )
    names = {
        "chain_id": community["chain_id"],
        "token": community["token"],
        "instance": community["instance"],
        "community": community["slug"],
        "proposal": f"0x{case.record('proposal_record').digest}",
    }
    try:
        said = {"voter": body["voter"], "nonce": body["nonce"]}
        if "sealed" in body:
            sealed = box.digest_of(box.from_text(str(body["sealed"])))
            signed = eip712.sealed_ballot_digest(**names, **said, sealed=sealed)
        else:
            signed = eip712.ballot_digest(**names, **said, choice=body["choice"], reason=body["reason"])
        eip712.verify(signed, body["signature"], body["voter"])
    except KeyError as error:
        raise _Fault("malformed_record", place, f"{error} is missing") from error
    except eip712.Eip712Error as error:
        raise _Fault("signature_wrong", place, error.detail) from error
    except box.SealError as error:
        raise _Fault("malformed_record", f"{place}.sealed", str(error)) from error


def _require_logged(case: _Case, value: object, place: str, name: str, digest: str) -> int:
    """Raise unless an entry of the log names this record; return its position."""
    if value is None:
        detail = "no signed checkpoint covers this yet; get the receipt again in some minutes"
        raise _Fault("not_logged_yet", place, detail)
    part = _exactly(value, _LOG_KEYS, place)
    leaf = _exactly(part["leaf"], _LEAF_KEYS, f"{place}.leaf")
    data = leaf["data"] if isinstance(leaf["data"], dict) else {}
    if data.get(name) != digest or leaf["proposal"] != case.record("proposal_record").digest:
        raise _Fault("leaf_wrong", f"{place}.leaf", f"the entry does not name the {name} {digest}")
    position, size = _count_of(part, "position", place), _count_of(part, "size", place)
    checkpoint = _checkpoint(case, part["checkpoint"], place)
    if checkpoint.size != size:
        raise _Fault("proof_wrong", f"{place}.size", f"the checkpoint is of {checkpoint.size} entries")
    if not merkle.verify_inclusion(_canonical(leaf, place), position, size, _proof(part, place), checkpoint.root):
        raise _Fault("not_logged", f"{place}.proof", "the signed log does not contain this entry at this place")
    return position


def _checkpoint(case: _Case, note: object, place: str) -> Checkpoint:
    """Open a signed checkpoint of this community; two of the same size must be the same."""
    if not isinstance(note, str):
        raise _Fault("malformed_receipt", f"{place}.checkpoint", "a signed note is needed")
    body = case.record("community").body
    try:
        found = open_note(note, log_origin(body["instance"], body["slug"]), body["release_key"]["public_key"])
    except CheckpointError as error:
        raise _Fault(error.code, f"{place}.checkpoint", error.detail) from error
    if case.checkpoints.setdefault(found.size, found) != found:
        raise _Fault(
            "log_forked", f"{place}.checkpoint", f"two logs of {found.size} entries were signed: keep this file"
        )
    return found


def _record(value: object, kind: str, place: str) -> Record:
    try:
        record = Record.from_bytes(canonical_bytes(value))
    except CanonicalError as error:
        raise _Fault(error.code, place, error.detail) from error
    if record.kind != kind or record.version != 1:
        raise _Fault("malformed_record", place, f"a {kind} record of version 1 is needed")
    return record


def _exactly(value: object, keys: frozenset[str], place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or set(value) != keys:
        raise _Fault("malformed_receipt", place, f"an object with exactly {', '.join(sorted(keys))} is needed")
    return value


def _count_of(part: Mapping[str, Any], name: str, place: str) -> int:
    value = part[name]
    if type(value) is not int or value < 0:
        raise _Fault("malformed_receipt", f"{place}.{name}", "a whole number is needed")
    return value


def _proof(part: Mapping[str, Any], place: str) -> Sequence[str]:
    proof = part["proof"]
    if not isinstance(proof, list):
        raise _Fault("malformed_receipt", f"{place}.proof", "a list of hashes is needed")
    return proof


def _canonical(value: object, place: str) -> bytes:
    try:
        return canonical_bytes(value)
    except CanonicalError as error:
        raise _Fault(error.code, place, error.detail) from error
