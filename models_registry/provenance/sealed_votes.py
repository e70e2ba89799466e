"""The sealed ballots of one vote in a release's evidence: signed as they were sealed, and opened here again. Pure.

What the records of the keys and the secrets must be stands in `governance.sealed.opening`, which the recount uses too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from governance import eip712
from governance.counting import Terms
from governance.evidence.record import Record
from governance.sealed import box
from governance.sealed.box import SealError
from governance.sealed.opening import Keys, read_keys, read_secrets
from governance.sealed.terms import VOID, Sealing


class Opener:
    """Opens the ballots of one vote with the secrets that its tally rests on; `problem` says why it cannot."""

    def __init__(self, proposal: Record, tally: Record, records: Mapping[str, Record], issuer: dict[str, Any]) -> None:
        """Read the records of the keys and the secrets; `issuer` are chain_id, token, instance and community."""
        self._proposal, self._issuer = proposal.digest, issuer
        self.keys: Keys | None = None
        self.count = self.void = 0  # ballots that were looked into
        self.problem: str | None = None
        try:
            sealing = Sealing.from_body(proposal.body["sealing"])
            self.keys = self._read(sealing, proposal.body["submitted_at"], tally, records)
        except (SealError, ValueError) as error:
            self.problem = str(error)

    def _read(self, sealing: Sealing, submitted_at: int, tally: Record, records: Mapping[str, Record]) -> Keys:
        unsealing = next((records[name] for name in tally.parents if records[name].kind == "unsealing"), None)
        if unsealing is None:
            raise SealError("the tally rests on no record of the secrets")
        published = next(records[name] for name in unsealing.parents if records[name].kind == "sealing")
        if self._proposal not in unsealing.parents or published.parents != (self._proposal,):
            raise SealError("the keys or the secrets are those of another proposal")
        census = next(records[name] for name in tally.parents if records[name].kind == "census")
        waited_seconds = census.body["computed_at"] - submitted_at
        keys = read_keys(self._proposal, sealing, published.body, self._issuer, waited_seconds)
        keys = read_secrets(keys, unsealing.body)
        earliest = tally.body["closes_at"] + (0 if keys.is_open else sealing.wait_seconds)
        if unsealing.body["opened_at"] < earliest:
            raise SealError(f"opened at {unsealing.body['opened_at']}, before {earliest}")
        return keys

    @property
    def secrets(self) -> int:
        """How many keyholders opened the ballots."""
        return len(self.keys.secrets) if self.keys else 0

    def choice_of(self, body: Mapping[str, Any], terms: Terms) -> Any:  # noqa: ANN401 - any JSON
        """Return what a ballot says; VOID where it says nothing that counts."""
        choice = self._opened(body, terms)
        self.count += 1
        self.void += choice == VOID
        return choice

    def _opened(self, body: Mapping[str, Any], terms: Terms) -> Any:  # noqa: ANN401 - any JSON
        try:
            sealed = box.from_text(body["sealed"])
        except SealError:
            return VOID
        if self.keys is None:
            return VOID
        return self.keys.opened(body["voter"], sealed, terms.method, len(terms.choices))[0]

    def faults(self, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the form or the signature of one ballot."""
        try:
            sealed = box.from_text(body["sealed"])
        except SealError as error:
            yield "ballot_malformed", str(error)
            return
        if self.keys is not None and len(sealed) != self.keys.context(body["voter"]).length:
            yield "ballot_malformed", f"{len(sealed)} bytes, which no sealed ballot of this vote has"
        if eip712.checksum_address(body["voter"]) != body["voter"]:
            yield "address_checksum", f"{body['voter']} is not written with its checksum"
        names = {**self._issuer, "proposal": f"0x{self._proposal}", "voter": body["voter"], "nonce": body["nonce"]}
        try:
            signed = eip712.sealed_ballot_digest(**names, sealed=box.digest_of(sealed))
            if "wallet" not in body:  # only the chain can say what a contract stands by
                eip712.verify(signed, body["signature"], body["voter"])
        except eip712.Eip712Error as error:
            yield "signature_wrong", f"{body['voter']} did not sign this sealed ballot: {error.detail}"
