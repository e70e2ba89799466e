"""Sealed votes: keys and secrets are their records, and what stands as opened is what the secrets open."""

from collections.abc import Iterator
from typing import Any

from governance import eip712
from governance.eip712 import Eip712Error
from governance.fsck.finding import Finding, against_record, compare, finding, seconds
from governance.models import Ballot, Proposal, SealedBallot, SealedVote, SealingKey
from governance.sealed import box
from governance.sealed.box import SealError
from governance.sealed.facts import issuer_of, keys_of
from governance.sealed.opening import Keys, check_key_signature
from governance.sealed.terms import Sealing
from governance.services.common import terms_of
from governance.wallets.asking import asked_of

BALLOTS, KEYS, VOTES = "governance_sealedballot", "governance_sealingkey", "governance_sealedvote"


class Opened:
    """What the ballots of a sealed vote say, by the secrets in its record."""

    def __init__(self, proposal: Proposal, sealing: Sealing) -> None:
        """Read the keys; `parents` are the records that the tally rests on besides proposal and census."""
        self.proposal, self.sealing, self.terms = proposal, sealing, terms_of(proposal)
        kept = SealedVote.objects.select_related("sealing_record", "unsealing_record")
        self.kept = kept.filter(proposal=proposal).first()
        record = self.kept.unsealing_record if self.kept else None
        self.parents = [str(record.digest)] if record else []
        self.keys: Keys = keys_of(proposal)
        self.secrets = len(self.keys.secrets) if record else 0

    def choice_of(self, row: SealedBallot) -> tuple[Any, str]:
        """Return choice and reason, as the record of the secrets opens them."""
        try:
            sealed = box.from_text(row.sealed)
        except SealError:
            sealed = b""
        return self.keys.opened(row.voter, sealed, self.terms.method, len(self.terms.choices))

    def check_keys(self) -> Iterator[Finding]:
        """Yield what is wrong with the keys and with the records about them."""
        issuer, digest = issuer_of(self.proposal), str(self.proposal.record_id)
        rows = list(self.proposal.sealing_keys.order_by("place"))
        for row in rows:
            yield from self._check_key(row, issuer, digest)
        if self.kept is None:
            if self.proposal.census_at is not None:
                yield finding(VOTES, f"of proposal {self.proposal.pk}", "sealing_record", "a record of the keys", None)
            return
        said = [{"keyholder": row.keyholder, "public_key": row.public_key, "signature": row.signature} for row in rows]
        record, subject = self.kept.sealing_record, f"sealing:{digest}"
        yield from against_record(self.kept, record, "sealing", subject, {"keys": said}, [digest])
        opened = self.kept.unsealing_record
        if opened is None:
            return
        secrets = [{"keyholder": row.keyholder, "secret": row.secret} for row in rows if row.secret]
        body = {"secrets": secrets, "opened_at": opened.body["opened_at"]}
        parents = [digest, str(record.digest)]
        yield from against_record(self.kept, opened, "unsealing", f"unsealing:{digest}", body, parents)

    def _check_key(self, row: SealingKey, issuer: dict[str, Any], proposal: str) -> Iterator[Finding]:
        if self.sealing.keyholders[row.place - 1 : row.place] != (row.keyholder,):
            yield finding(KEYS, row.pk, "keyholder", f"a keyholder of {self.sealing.keyholders}", row.keyholder)
        try:
            check_key_signature(row.keyholder, row.public_key, row.signature, proposal, issuer)
        except SealError as error:
            yield finding(KEYS, row.pk, "signature", f"a signature of {row.keyholder}", str(error))
        if row.secret and box.public_key_of(bytes.fromhex(row.secret)).hex() != row.public_key:
            yield finding(KEYS, row.pk, "secret", "the secret of the public key", "another one")

    def check_row(self, row: SealedBallot, *, signatures: bool) -> Iterator[Finding]:
        """Yield where a sealed ballot is not its record or not signed, or where its opened twin says something else."""
        proposal = str(self.proposal.record_id)
        body = {
            "voter": row.voter,
            "sealed": row.sealed,
            "nonce": row.nonce,
            "power": str(row.power),
            "house_power": str(row.house_power),
            "signature": row.signature,
            "cast_at": seconds(row.cast_at),
        }
        wallet = asked_of(row.record.body.get("wallet"))
        if wallet is not None:
            body["wallet"] = wallet.to_body()
        yield from against_record(row, row.record, "ballot", f"ballot:{proposal}/{row.voter}", body, [proposal])
        if signatures and wallet is None:  # only the chain can say what a contract stands by
            yield from self._check_signature(row)
        twin = Ballot.objects.filter(record=row.record).first()
        if not self.parents:
            if twin is not None:
                yield finding("governance_ballot", twin.pk, "record", "no ballot before the secrets", row.record_id)
            return
        if twin is None:
            yield finding("governance_ballot", f"of {row.record_id}", "record", "the opened ballot", "none")
            return
        choice, reason = self.choice_of(row)
        names = ("proposal_id", "voter", "nonce", "power", "house_power", "position", "cast_at", "superseded_at")
        expected = {"choice": choice, "reason": reason, **{name: getattr(row, name) for name in names}}
        yield from compare("governance_ballot", twin.pk, expected, {name: getattr(twin, name) for name in expected})

    def _check_signature(self, row: SealedBallot) -> Iterator[Finding]:
        """Yield whether the voter signed what is sealed."""
        names = {**issuer_of(self.proposal), "proposal": self.proposal.public_id, "voter": row.voter}
        try:
            digest = box.digest_of(box.from_text(row.sealed))
            eip712.verify(
                eip712.sealed_ballot_digest(**names, sealed=digest, nonce=row.nonce), row.signature, row.voter
            )
        except (Eip712Error, SealError) as error:
            yield finding(BALLOTS, row.pk, "signature", f"a signature of {row.voter}", str(error))
