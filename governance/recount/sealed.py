"""Sealed ballots of a bundle: the keys that they are sealed for, each ballot, and what published secrets open. Pure.

Before the secrets are there, everything is checked but what the ballots say. With them, every ballot is opened here
again and sealed again, so that nobody has to be believed about what it said.
"""

from collections.abc import Mapping
from typing import Any

from governance import eip712
from governance.counting import Roll, touched_by
from governance.evidence import merkle
from governance.evidence.canonical import INTEGER_MAX
from governance.evidence.record import Record
from governance.recount.census import HASH_BYTES, Census
from governance.recount.demands import check_body, require
from governance.recount.frozen import Frozen
from governance.recount.lines import Lines
from governance.recount.report import BadEntry
from governance.sealed import box
from governance.sealed.box import SealError
from governance.sealed.opening import Keys, read_keys, read_secrets
from governance.sealed.terms import VOID, Sealing
from governance.wallets.asking import ON_CHAIN, WalletSignature, asked_of

_BALLOT = b'{"body":{"cast_at":'
_UNSEALING = b'{"body":{"opened_at":'
BODY = {
    **dict.fromkeys(("voter", "sealed", "power", "house_power", "signature"), str),
    **dict.fromkeys(("nonce", "cast_at"), int),
}


class SealedBallots:
    """Takes the part of a bundle from the keys to the secrets; stands where `Ballots` does for open ballots."""

    def __init__(self, frozen: Frozen, census: Census, roll: Roll, sealing: Sealing) -> None:
        """Begin before the record of the keys."""
        community, proposal = frozen.community.body, frozen.proposal.digest
        self._issuer = {
            "chain_id": community["chain_id"],
            "token": community["token"],
            "instance": community["instance"],
            "community": community["slug"],
        }
        self._proposal, self._terms, self._sealing = proposal, frozen.terms, sealing
        self._on_chain = frozen.proposal.body["snapshot"]["source"]["name"] in ON_CHAIN
        self._seats, self._delegates = census.seats, touched_by(roll)
        self._opens_at, self.closes_at = census.opens_at, census.closes_at
        self._waited_seconds = census.computed_at - frozen.proposal.body["submitted_at"]
        self._sealed: dict[int, tuple[str, bytes]] = {}  # by row: the voter's newest
        self.extended_by: str | None = None
        self.latest = self.accepted = self.secrets = self.void = 0
        self.threshold = sealing.threshold
        self.unsealing: str | None = None
        self.wallets: list[WalletSignature] = []

    def read(self, lines: Lines) -> None:
        """Take keys, ballots and secrets; raise BadEntry at the first line that is not as it must be."""
        record = lines.record("sealing")
        keys = self._keys(lines.number, record)
        while lines.next.startswith(_BALLOT):
            line = lines.next
            self._take(lines.number + 1, lines.record("ballot"), line[:-1], keys)
        if lines.next.startswith(_UNSEALING):
            self._open(lines, record.digest, keys)

    def _keys(self, number: int, record: Record) -> Keys:
        needed = f"sealing:{self._proposal}"
        require(record.subject == needed, number, "subject_wrong", record.subject, needed)
        require(record.parents == (self._proposal,), number, "parent_wrong", record.parents, "this proposal")
        check_body(number, record.body, {"keys": list})
        try:
            return read_keys(self._proposal, self._sealing, record.body, self._issuer, self._waited_seconds)
        except SealError as error:
            raise BadEntry(number, "sealing_wrong", str(error), "signed keys of the keyholders") from error

    def _take(self, number: int, record: Record, line: bytes, keys: Keys) -> None:
        """Check one ballot: 1. its record; 2. power, time and nonce; 3. its form; 4. its signature."""
        body = record.body
        check_body(number, body, BODY | ({"wallet": dict} if "wallet" in body else {}))  # 1
        voter, nonce, cast_at = body["voter"], body["nonce"], body["cast_at"]
        subject = f"ballot:{self._proposal}/{voter}"
        require(record.subject == subject, number, "subject_wrong", record.subject, subject)
        require(record.parents == (self._proposal,), number, "parent_wrong", record.parents, "this proposal")
        row = self._row(number, voter)  # 2
        powers = (self._seats.powers[row], self._seats.house_powers.get(row, 0))
        for name, value in zip(("power", "house_power"), powers, strict=True):
            require(
                body[name] == str(value), number, "power_wrong", f"{name} {body[name]}", f"{value}, as in the census"
            )
        window = f"a ballot cast from {self._opens_at} until before {self.closes_at}"
        require(
            self._opens_at <= cast_at < self.closes_at, number, "ballot_outside_voting", f"cast at {cast_at}", window
        )
        newest = self._seats.nonces[row]
        require(newest < nonce <= INTEGER_MAX, number, "nonce_wrong", f"nonce {nonce}", f"above {newest}")
        try:  # 3
            sealed = box.from_text(body["sealed"])
        except SealError as error:
            raise BadEntry(number, "sealed_malformed", str(error), "a sealed ballot") from error
        length = keys.context(voter).length
        require(len(sealed) == length, number, "sealed_malformed", f"{len(sealed)} bytes", f"{length} bytes")
        self._check_signature(number, body, sealed)  # 4
        at = row * HASH_BYTES
        self._seats.nonces[row] = nonce
        self._seats.hashes[at : at + HASH_BYTES] = merkle.leaf_hash(line)
        self._sealed[row] = (voter, sealed)
        self.accepted += 1
        self.latest = max(self.latest, cast_at)

    def _check_signature(self, number: int, body: Any, sealed: bytes) -> None:  # noqa: ANN401 - a checked body
        names = {**self._issuer, "proposal": f"0x{self._proposal}", "voter": body["voter"], "nonce": body["nonce"]}
        try:
            digest = eip712.sealed_ballot_digest(**names, sealed=box.digest_of(sealed))
            if "wallet" in body:
                self._keep_wallet(number, body, digest)
                return
            eip712.verify(digest, body["signature"], body["voter"])
        except eip712.Eip712Error as error:
            raise BadEntry(number, "signature_wrong", error.detail, f"a signature of {body['voter']}") from error

    def _keep_wallet(self, number: int, body: Mapping[str, Any], digest: bytes) -> None:
        """Keep the ballot of a contract wallet for who asks the chain: nobody else can say what it stands by."""
        asked = asked_of(body["wallet"])
        if asked is None or not self._on_chain:
            needed = "which wallet was asked, at which block, where power is read from a chain"
            raise BadEntry(number, "wallet_wrong", body["wallet"], needed)
        self.wallets.append(WalletSignature(f"line {number}", body["voter"], digest, body["signature"], asked))

    def _row(self, number: int, voter: str) -> int:
        row = self._seats.rows.get(voter)
        if row is not None:
            return row
        known = voter in self._delegates and eip712.checksum_address(voter) == voter
        require(known, number, "voter_unknown", voter, "a voter of the census, or somebody with delegated power")
        return self._seats.add(voter, 0, 0)

    def _open(self, lines: Lines, sealing: str, keys: Keys) -> None:
        """Hold the secrets against the keys, the time against the vote's end; open everybody's newest ballot."""
        record = lines.record("unsealing")
        number, needed = lines.number, f"unsealing:{self._proposal}"
        require(record.subject == needed, number, "subject_wrong", record.subject, needed)
        parents = tuple(sorted((self._proposal, sealing)))
        require(record.parents == parents, number, "parent_wrong", record.parents, "this proposal and its keys")
        check_body(number, record.body, {"secrets": list, "opened_at": int})
        try:
            keys = read_secrets(keys, record.body)
        except SealError as error:
            raise BadEntry(number, "unsealing_wrong", str(error), "secrets that belong to the keys") from error
        earliest = self.closes_at + (0 if keys.is_open else self._sealing.wait_seconds)
        opened_at = record.body["opened_at"]
        require(opened_at >= earliest, number, "opened_early", f"opened at {opened_at}", f"at {earliest} or later")
        self.unsealing, self.secrets = record.digest, len(keys.secrets)
        method, choices = self._terms.method, len(self._terms.choices)
        for row, (voter, sealed) in self._sealed.items():
            self._seats.choices[row], _reason = keys.opened(voter, sealed, method, choices)
        self.void = sum(self._seats.choices[row] == VOID for row in self._sealed)
