"""Ballots, one line after the other, each checked completely: what a recount spends its time on. Pure.

The quick way parses a line, writes down what the canonical ballot of this voter would be, and compares the two texts:
one comparison settles the keys, their order, the spelling, the proposal, the power, and that nothing was added. Only
when they differ is the line looked at piece by piece, to say what is wrong with it.
"""

import hashlib
from collections.abc import Mapping
from json import JSONDecoder
from json.encoder import encode_basestring
from typing import Any, NoReturn

from governance import eip712
from governance.counting import Cast, QuorumMeter, Roll, Terms, touched_by
from governance.eip712.ballot_digests import BallotDigests
from governance.evidence import merkle
from governance.evidence.canonical import INTEGER_MAX, CanonicalError, canonical_bytes
from governance.evidence.record import Record
from governance.onchain import SOURCE as BY_CONTRACT
from governance.onchain.approvals import reference_of
from governance.onchain.seen import VoteSeen
from governance.recount.census import HASH_BYTES, NEVER, Census
from governance.recount.demands import check_body, require
from governance.recount.frozen import Frozen
from governance.recount.lines import Lines
from governance.recount.report import BadEntry
from governance.tally import InvalidChoice
from governance.wallets.asking import ON_CHAIN, Asked, WalletSignature, asked_of

_BALLOT = b'{"body":{"cast_at":'
_NEEDED = "a ballot record in its canonical form (RFC 8785)"
BODY = {
    **dict.fromkeys(("voter", "reason", "power", "house_power", "signature"), str),
    **dict.fromkeys(("nonce", "cast_at"), int),
    "choice": object,
}
_scan = JSONDecoder().scan_once  # type: ignore[attr-defined]  # what decode() calls, without its look at white space


class Ballots:
    """Takes every accepted ballot in order; remembers the newest of each voter in their seat."""

    def __init__(self, frozen: Frozen, census: Census, roll: Roll) -> None:
        """Begin before the first ballot. `closes_at` moves if a late quorum moves it."""
        self._digests = BallotDigests(frozen.community.body, frozen.proposal.digest)
        self._proposal = frozen.proposal.digest
        self._terms: Terms = census.terms
        self._on_chain = frozen.proposal.body["snapshot"]["source"]["name"] in ON_CHAIN
        self._seats = census.seats
        self._delegates = touched_by(roll)
        self._opens_at, self.closes_at = census.opens_at, census.closes_at
        self.extended_by: str | None = None
        self.latest = 0  # the newest cast_at
        self.accepted = 0
        self.wallets: list[WalletSignature] = []
        self.by_contract = frozen.proposal.body["snapshot"]["source"]["name"] == BY_CONTRACT
        self.seen: list[VoteSeen] = []
        self._reached: tuple[int, bytes] | None = None  # when the quorum was reached, and by which ballot
        self._meter = QuorumMeter(self._terms, roll) if self._terms.follows_quorum else None
        self._quorum = self._terms.quorum_followed(roll)

    def read(self, lines: Lines) -> None:
        """Take all ballots; raise BadEntry at the first one that is not as it must be."""
        while lines.next.startswith(_BALLOT):
            line = lines.take("a ballot")
            self._take(lines.number, line)

    def _take(self, number: int, line: bytes) -> None:
        """Check one ballot.

        1. it is the canonical record of this voter on this proposal, with the power of the census
        2. it was cast while voting was open, by a nonce above the voter's last one, for something that can be chosen
        3. the voter signed it, or a contract wallet stood by it, which is kept for who asks the chain
        4. remember it, and see whether it is the one that extends the vote.
        """
        asked: Asked | None = None
        try:  # 1
            value, _ = _scan(line.decode(), 0)
            body = value["body"]
            voter, choice, reason = body["voter"], body["choice"], body["reason"]
            nonce, cast_at, signature = body["nonce"], body["cast_at"], body["signature"]
            row = self._seats.rows.get(voter)
            own, house = (0, 0) if row is None else (self._seats.powers[row], self._seats.house_powers.get(row, 0))
            chosen = choice if type(choice) is int else canonical_bytes(choice).decode()
            canonical = (
                f'{{"body":{{"cast_at":{cast_at},"choice":{chosen},"house_power":"{house}","nonce":{nonce},'
                f'"power":"{own}","reason":{encode_basestring(reason)},"signature":"{signature}","voter":"{voter}"}},'
                f'"kind":"ballot","parents":["{self._proposal}"],"subject":"ballot:{self._proposal}/{voter}","version":1}}'
            ).encode()
        except (ValueError, LookupError, TypeError, StopIteration, RecursionError):
            self._explain(number, line)
        if canonical != line or type(nonce) is not int or type(cast_at) is not int or "\x00" in reason:
            asked = self._asked(number, line)
        if row is None:
            self._require_delegate(number, voter)
            row = self._seats.add(voter, 0, 0)
        self._check_rules(number, row, choice, nonce, cast_at)  # 2
        if self.by_contract and asked is None:
            self.seen.append(self._vote_of_chain(number, body, own))
        elif asked is None:
            self._check_signature(number, voter, choice, reason, nonce, signature)  # 3
        else:
            digest = self._digests.digest(bytes.fromhex(voter[2:]), choice, reason, nonce)
            self.wallets.append(WalletSignature(f"line {number}", voter, digest, signature, asked))
        seats, at = self._seats, row * HASH_BYTES  # 4
        seats.nonces[row], seats.choices[row] = nonce, choice
        seats.hashes[at : at + HASH_BYTES] = merkle.leaf_hash(line)
        self.accepted += 1
        self.latest = max(self.latest, cast_at)
        if self._meter is not None:
            self._follow_quorum(self._meter, Cast(voter, choice, own), cast_at, line)

    def _check_rules(self, number: int, row: int, choice: Any, nonce: int, cast_at: int) -> None:  # noqa: ANN401 - JSON
        # How long a Governor kept a vote open stands in the tally, which follows.
        if not self._opens_at <= cast_at or (cast_at >= self.closes_at and not self.by_contract):
            window = f"from {self._opens_at} until before {self.closes_at}"
            raise BadEntry(number, "ballot_outside_voting", f"cast at {cast_at}", f"a ballot cast {window}")
        newest = self._seats.nonces[row]
        if not newest < nonce <= INTEGER_MAX:
            needed = f"above {newest}, the voter's newest ballot" if newest != NEVER else f"from 0 to {INTEGER_MAX}"
            raise BadEntry(number, "nonce_wrong", f"nonce {nonce}", needed)
        try:
            self._terms.method.validate(choice, len(self._terms.choices))
        except InvalidChoice as error:
            raise BadEntry(number, "choice_invalid", error.found, error.allowed) from error

    def _check_signature(
        self,
        number: int,
        voter: str,
        choice: Any,  # noqa: ANN401 - any JSON
        reason: str,
        nonce: int,
        signature: str,
    ) -> None:
        """Compare as bytes: to write an address with its checksum costs a hash, and the voter's was checked before."""
        address = bytes.fromhex(voter[2:])
        digest = self._digests.digest(address, choice, reason, nonce)
        try:
            found = eip712.signer_bytes(digest, signature)
        except eip712.SignatureError as error:
            raise BadEntry(number, "signature_wrong", error.detail, f"a signature of {voter}") from error
        if found != address:
            maker = eip712.checksum_address(f"0x{found.hex()}")
            raise BadEntry(number, "signature_wrong", f"{maker} signed these very fields", f"a signature of {voter}")

    def _vote_of_chain(self, number: int, body: Mapping[str, Any], own: int) -> VoteSeen:
        """Return the place on the chain that a ballot names where a contract took it, and nobody signed it for us."""
        at = reference_of(body["signature"])
        if at is None:
            raise BadEntry(number, "reference_wrong", body["signature"], "block, transaction and place of the vote")
        return VoteSeen(f"line {number}", body["voter"], body["choice"], own, body["cast_at"], at)

    def _follow_quorum(self, meter: QuorumMeter, cast: Cast, cast_at: int, line: bytes) -> None:
        """Move the end of the vote as `counting.closing_time` does: once, by the first ballot to reach the quorum."""
        if meter.cast(cast) < self._quorum:
            return
        self._meter = None
        self._reached = (cast_at, line)
        if not self.by_contract:
            self.end(self._terms.rules.late_quorum_seconds)

    def end(self, late_quorum_seconds: int) -> None:
        """Move the end of the vote to so long after the ballot that reached the quorum, if that is later."""
        if self._reached is None:
            return
        cast_at, line = self._reached
        if cast_at + late_quorum_seconds > self.closes_at:
            self.closes_at, self.extended_by = cast_at + late_quorum_seconds, hashlib.sha256(line).hexdigest()

    def _require_delegate(self, number: int, voter: str) -> None:
        """Who is not in the census has a say only with power that others delegated to them.

        Where a Governor's quorum is nothing, a vote of nothing may move the end, and is a ballot.
        """
        needed = "a voter of the census, or somebody to whom power was delegated, with the address' checksum"
        known = voter in self._delegates or self._terms.weightless
        known = known and eip712.checksum_address(voter) == voter
        require(known, number, "voter_unknown", voter, needed)

    def _asked(self, number: int, line: bytes) -> Asked:
        """Return what the ballot of a contract wallet says of it; raise BadEntry where the line is no such ballot."""
        record = self._as_ballot(number, line)
        if "wallet" not in record.body:
            self._explain(number, line)
        body = dict(record.body)
        asked = asked_of(body.pop("wallet"))
        needed = "which wallet was asked, at which block, where power is read from a chain"
        if asked is None or not self._on_chain:
            raise BadEntry(number, "wallet_wrong", record.body["wallet"], needed)
        self._check_parts(number, record, body)
        return asked

    def _explain(self, number: int, line: bytes) -> NoReturn:
        """Say what is wrong with a line that is not the ballot that it must be."""
        record = self._as_ballot(number, line)
        self._check_parts(number, record, record.body)
        raise BadEntry(number, "not_canonical", line.decode("utf-8", "replace"), _NEEDED)

    def _as_ballot(self, number: int, line: bytes) -> Record:
        try:
            record = Record.from_bytes(line)
        except CanonicalError as error:
            raise BadEntry(number, error.code, error.detail, _NEEDED) from error
        require(record.kind == "ballot" and record.version == 1, number, "entry_misplaced", record.kind, _NEEDED)
        return record

    def _check_parts(self, number: int, record: Record, body: Mapping[str, Any]) -> None:
        parents = (self._proposal,)
        check_body(number, body, BODY)
        require(record.parents == parents, number, "parent_wrong", record.parents, f"the proposal {self._proposal}")
        subject = f"ballot:{self._proposal}/{body['voter']}"
        require(record.subject == subject, number, "subject_wrong", record.subject, subject)
        row = self._seats.rows.get(body["voter"])
        own, house = (0, 0) if row is None else (self._seats.powers[row], self._seats.house_powers.get(row, 0))
        for name, value in (("power", own), ("house_power", house)):
            found = f"{name} {body[name]} of {body['voter']}"
            require(body[name] == str(value), number, "power_wrong", found, f"{value}, as in the census")
