"""Who signs transactions that this site itself sends: a key in a file, or a command that keeps the key elsewhere.

    COMMAND transaction ADDRESS    gets the transaction as JSON on standard input, prints it signed, as 0x and hex

The transaction has chainId, nonce, to, data, value, gas, maxFeePerGas, maxPriorityFeePerGas and type 2 (EIP-1559). What
a command prints is read again before it is sent: it must be this very transaction, signed by this very account.

Standards: EIP-1559 and EIP-2718 (transactions); eth_account, which web3 brings, encodes and signs them.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from governance.chain import ChainError
from governance.eip712.keccak import keccak

_OUTPUT_BYTES_MAX: Final = 20_000


class NotSigned(ChainError):
    """Nobody signed: the key or the command is not usable, or signed something else."""

    code = "transaction_not_signed"


@dataclass(frozen=True)
class SignedTransaction:
    """A transaction ready to be sent; `hash` is known before that."""

    raw: str
    hash: str


class TransactionSigner(Protocol):
    """Signs transactions of one account."""

    def sign(self, transaction: Mapping[str, Any]) -> SignedTransaction:
        """Return the transaction signed, or raise NotSigned."""
        ...


class KeyFileSigner:
    """Signs with the key in a file: 64 hex digits, with 0x or without."""

    def __init__(self, address: str, file: Path) -> None:
        """Take the account and where its key lies; the file is read when something is to be signed."""
        self._address, self._file = address, file

    def sign(self, transaction: Mapping[str, Any]) -> SignedTransaction:
        """Return the transaction signed, or raise NotSigned; the key stands in no message."""
        from eth_account import Account

        try:
            account = Account.from_key(self._file.read_text("ascii").strip())
        except OSError as error:
            raise NotSigned(f"the key file cannot be read: {error.strerror}") from None
        except Exception:  # noqa: BLE001 - whatever the library says may repeat the key
            raise NotSigned("the key file holds no key", permanent=True) from None
        if account.address.lower() != self._address.lower():
            raise NotSigned(f"the key is that of {account.address}, not of {self._address}", permanent=True)
        return _checked(account.sign_transaction(dict(transaction)).raw_transaction, transaction, self._address)


class CommandTransactionSigner:
    """Signs by asking a command."""

    def __init__(self, address: str, command: Sequence[str], *, timeout_seconds: float) -> None:
        """Take the account, the command with its first arguments, and how long it may take."""
        self._address, self._command, self._timeout = address, list(command), timeout_seconds

    def sign(self, transaction: Mapping[str, Any]) -> SignedTransaction:
        """Return what the command signed, once it is known to be this transaction of this account."""
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command, from the settings
                [*self._command, "transaction", self._address],
                input=json.dumps(dict(transaction)).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotSigned(f"the signer command gave no answer in {self._timeout} seconds") from None
        except OSError as error:
            raise NotSigned(f"the signer command cannot run: {error.strerror}") from None
        if done.returncode:
            raise NotSigned(f"the signer command ended with status {done.returncode}")
        try:
            raw = bytes.fromhex(done.stdout[:_OUTPUT_BYTES_MAX].decode("ascii").strip().removeprefix("0x"))
        except ValueError:
            raise NotSigned("the signer command printed no hex") from None
        return _checked(raw, transaction, self._address)


def _checked(raw: bytes, transaction: Mapping[str, Any], address: str) -> SignedTransaction:
    """Return a signed transaction that says what was to be signed, by whom; anything else raises NotSigned."""
    from eth_account import Account
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from hexbytes import HexBytes

    try:
        said = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        signer = Account.recover_transaction(raw)
    except Exception:  # noqa: BLE001 - the library raises many kinds for bytes that are no transaction
        raise NotSigned("what was signed is no transaction of type 2") from None
    found = {name: _plain(said.get(name)) for name in transaction}
    if found != {name: _plain(value) for name, value in transaction.items()} or said.get("accessList"):
        raise NotSigned("another transaction was signed than the one that was asked for", permanent=True)
    if signer.lower() != address.lower():
        raise NotSigned(f"the transaction is signed by {signer}, not by {address}", permanent=True)
    return SignedTransaction("0x" + raw.hex(), "0x" + keccak(raw).hex())


def _plain(value: object) -> object:
    """Return a field in one spelling: bytes as the hex that we write."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value.lower() if isinstance(value, str) else value
