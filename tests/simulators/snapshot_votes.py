"""Snapshot exports as Snapshot writes them: polls with votes that wallets signed, hashed by eth-account."""

import json
from typing import Any

from eth_account.messages import encode_typed_data

from governance.snapshot_import.read import SIGNED_AS
from governance.snapshot_messages import CURRENT, DOMAIN, TEXT, Fields
from tests.simulators.wallets import wallet

PROPOSAL = "0x" + "ab" * 32
SPACE = "model.eth"
START, END = 1_700_000_000, 1_700_600_000


def poll(method: str = "single-choice", choices: int = 3, **other: Any) -> dict[str, Any]:
    """Return a proposal as GraphQL gives it."""
    return {
        "id": PROPOSAL,
        "title": "Which corpus first?",
        "body": "Choose.",
        "author": wallet("Alice").address,
        "type": method,
        "choices": [f"Corpus {place}" for place in range(1, choices + 1)],
        "start": START,
        "end": END,
        "snapshot": "18500000",
        "state": "closed",
        "quorum": 10,
        "scores_total": 0,
        "strategies": [{"name": "erc20-votes", "network": "1", "params": {}}],
        "network": "1",
        "space": {"id": SPACE},
        **other,
    }


def message(name: str, method: str, choice: Any, created: int = START, **other: Any) -> dict[str, Any]:
    """Return what a voter signs: a map of weights as the JSON text that a browser makes of it."""
    signed = json.dumps(choice, separators=(",", ":")) if SIGNED_AS[method] == TEXT else choice
    whole = {
        "from": wallet(name).address,
        "space": SPACE,
        "timestamp": created,
        "proposal": PROPOSAL,
        "choice": signed,
        "reason": "",
        "app": "snapshot",
        "metadata": "{}",
    }
    return {**whole, **other}


def envelope(name: str, content: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """Return the message signed, as Snapshot keeps it."""
    types = {"Vote": [{"name": field, "type": kind} for field, kind in fields]}
    typed = {"types": {**types, "EIP712Domain": _DOMAIN_FIELDS}, "primaryType": "Vote", "domain": DOMAIN}
    signer = wallet(name)
    encode_typed_data(full_message={**typed, "message": content})  # fails here, not in the importer
    signature = signer.sign({**typed, "message": content})
    return {
        "address": signer.address,
        "sig": signature,
        "data": {"domain": dict(DOMAIN), "types": types, "message": content},
    }


_DOMAIN_FIELDS = [{"name": "name", "type": "string"}, {"name": "version", "type": "string"}]


def vote(
    name: str, choice: Any, vp: Any = 1, created: int = START, method: str = "single-choice", **other: Any
) -> dict[str, Any]:
    """Return a signed vote as an export has it; `other` replaces fields of the export, not of the message."""
    content = message(name, method, choice, created)
    return {
        "id": f"0x{created:064x}",
        "voter": wallet(name).address,
        "choice": choice,
        "vp": vp,
        "vp_by_strategy": [vp],
        "reason": "",
        "created": created,
        "envelope": envelope(name, content, CURRENT[SIGNED_AS[method]]),
        **other,
    }


def export(proposal: dict[str, Any], votes: list[dict[str, Any]]) -> bytes:
    """Return the file."""
    return json.dumps({"proposal": proposal, "votes": votes}).encode()
