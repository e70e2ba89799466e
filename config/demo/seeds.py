"""A neighbouring community that votes in secret on opinions, and in which three members hold one wallet together.

The keyholders' secrets are made of a signature of their wallets, in the way the pages make them: a visitor who takes
the demo wallet of one of them can go on where this ends. The shared wallet is a Safe; its contracts come from npm.
"""

import json
import secrets
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config.demo import chain, neighbours_plan
from config.demo.client import Client
from config.demo.waiting import until
from governance.eip712 import checksum_address
from governance.sealed import box
from governance.sealed.opening import content_of
from governance.wallets import safes

Say = Callable[[str], None]
SAFE: Final = chain.ROOT / "node_modules" / "@safe-global" / "safe-smart-account" / "build" / "artifacts" / "contracts"
KEYHOLDERS = OWNERS = ("Alice", "Bob", "Chloé")
NEEDED = 2
# Time for three members to seal and cast while machines train.
VOTING_SECONDS_MIN = 25
TOMATOES = 2
SHARED_TOKENS = 150_000 * chain.UNIT
_NOBODY = f"0x{'00' * 20}"
_SECRET = b"commonweights sealing secret 1"


@dataclass(frozen=True)
class Seeds:
    """The token of the community, who holds it, and the wallet that holds some of it for three of them."""

    token: str
    wallet: str
    members: tuple[chain.Member, ...]

    def community(self, voting_seconds: int) -> dict[str, Any]:
        """Return the file of the community."""
        seconds = max(voting_seconds, VOTING_SECONDS_MIN)
        return neighbours_plan.seed_library(self.token, self.members, seconds)


def deploy(rpc_url: str, members: tuple[chain.Member, ...]) -> Seeds:
    """Make the shared wallet and the token, and let everybody vote with what they hold."""
    by = checksum_address(chain.rpc(rpc_url, "eth_accounts")[len(members)])
    owners = [member.address for member in members if member.name in OWNERS]
    wallet = shared_wallet(rpc_url, by, owners)
    holders = [*((member.address, member.tokens) for member in members), (wallet, SHARED_TOKENS)]
    token = chain.deploy(rpc_url, chain.built("CommonsToken"), holders, name="Seed library", symbol="SEED", deployer=by)
    for member in members:
        chain.delegate(rpc_url, token, member.address, member.address)
    _delegate_to_itself(rpc_url, wallet, token, owners)
    chain.finalize(rpc_url)
    return Seeds(token, wallet, members)


def run(clients: dict[str, Client], seeds: Seeds, say: Say) -> tuple[str, str]:
    """Live through it; return the paths of the vote in secret and of the poll that stay open.

    1. A vote in secret: keys, and sealed ballots. 2. Another one stays open. 3. In a poll that stays open, Alice signs
    for the shared wallet; a second owner is missing. 4. The first one has closed: two keyholders give their secrets.
    """
    alice, bob, chloe = (clients[name] for name in KEYHOLDERS)
    first = _submitted(alice, neighbours_plan.opened_question(), clients)  # 1
    for name, (choice, reason) in neighbours_plan.SECRET_VOTES.items():
        _cast(clients[name], first["id"], choice, reason)
    second = _submitted(alice, neighbours_plan.sealed_question(), clients)  # 2
    _cast(bob, second["id"], 1, "")
    poll = alice.propose(neighbours_plan.which_shelf())  # 3
    until(alice, poll["id"], {"active"})
    _sign_as_owner(alice, poll["id"], seeds.wallet)
    until(chloe, first["id"], {"closing"})  # 4
    for client in (alice, chloe):
        secret = {"secret": _secret(client, first["id"]).hex()}
        client.post(f"/api/v1/proposals/{first['id']}/sealing-secrets", secret)
    until(bob, first["id"], {"executed"})
    say("in secret: the seed library has opened what was sealed, and counted it")
    place = f"/c/{neighbours_plan.SEEDS}/proposals"
    return f"{place}/{second['number']}/", f"{place}/{poll['number']}/"


def _submitted(author: Client, draft: dict[str, Any], clients: dict[str, Client]) -> dict[str, Any]:
    """Submit a vote in secret, let the keyholders publish their keys, and wait until it is open."""
    proposal = author.propose(draft)
    for name in KEYHOLDERS:
        _publish_key(clients[name], proposal["id"])
    return until(author, proposal["id"], {"active"})


def _publish_key(client: Client, proposal: str) -> None:
    public = box.public_key_of(_secret(client, proposal)).hex()
    message = _key_message(client, proposal, key=public)
    key = {"keyholder": client.member.address, "key": public, "signature": client.sign(message)}
    client.post(f"/api/v1/proposals/{proposal}/sealing-keys", key)


def _secret(client: Client, proposal: str) -> bytes:
    """Return a keyholder's secret for a vote: it comes of a signature, as in the page of keys."""
    signature = client.sign(_key_message(client, proposal))
    return HKDF(SHA256(), box.KEY_BYTES, _SECRET, b"").derive(bytes.fromhex(signature.removeprefix("0x")))


def _key_message(client: Client, proposal: str, **key: str) -> dict[str, Any]:
    asked = urllib.parse.urlencode({"keyholder": client.member.address, **key})
    message: dict[str, Any] = client.get(f"/api/v1/proposals/{proposal}/sealing-key-message?{asked}")["typed_data"]
    return message


def _cast(client: Client, proposal: str, choice: int, reason: str) -> None:
    """Seal a ballot as a browser does, sign what it is, and cast it."""
    place, voter = f"/api/v1/proposals/{proposal}", client.member.address
    sealing = client.get(f"{place}/sealing")
    keys = tuple(bytes.fromhex(holder["key"]) for holder in sealing["keyholders"])
    context = box.Context(proposal, voter, sealing["threshold"], keys)
    sealed = box.seal(content_of(choice, reason), context, secrets.token_bytes(box.SEED_BYTES))
    asked = urllib.parse.urlencode({"voter": voter, "sealed": box.digest_of(sealed)})
    offer = client.get(f"{place}/sealed-ballot-message?{asked}")
    ballot = {"proposal": proposal, "voter": voter, "sealed": box.to_text(sealed), "nonce": offer["nonce"]}
    client.post("/api/v1/sealed-ballots", {**ballot, "signature": client.sign(offer["typed_data"])})


def _sign_as_owner(owner: Client, proposal: str, wallet: str) -> None:
    """Begin the ballot of the shared wallet with one owner's signature."""
    ballot = {"wallet": wallet, "choice": TOMATOES, "reason": neighbours_plan.SHARED_REASON}
    query = urllib.parse.urlencode(ballot)
    offer = owner.get(f"/api/v1/proposals/{proposal}/wallet-ballot-message?{query}")
    signed = {"owner": owner.member.address, "signature": owner.sign(offer["typed_data"])}
    owner.post("/api/v1/wallet-ballots", {"proposal": proposal, **ballot, "nonce": offer["nonce"], **signed})


# --- the shared wallet ---


def shared_wallet(rpc_url: str, by: str, owners: list[str]) -> str:
    """Deploy a Safe of these owners, two of whom are needed, as its factory makes it; return its address."""
    handler = _artifact("handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler")
    singleton, kept, factory = (
        chain.deploy_contract(rpc_url, built, by) for built in (_safe(), handler, _artifact(_FACTORY))
    )
    setup = chain.call_data(_safe(), "setup", list(owners), NEEDED, _NOBODY, b"", kept, _NOBODY, 0, _NOBODY)
    made = (rpc_url, _artifact(_FACTORY), factory)
    arguments = ("createProxyWithNonce", singleton, setup, 1)
    wallet = checksum_address(str(chain.ask(*made, *arguments)))
    chain.command(*made, by, *arguments)
    return wallet


def _delegate_to_itself(rpc_url: str, wallet: str, token: str, owners: list[str]) -> None:
    """Let the wallet vote with its own tokens: one owner approves the transaction, another one sends it."""
    data = chain.call_data(chain.built("CommonsToken"), "delegate", wallet)
    transaction = (token, 0, data, 0, 0, 0, 0, _NOBODY, _NOBODY)
    hashed = chain.ask(rpc_url, _safe(), wallet, "getTransactionHash", *transaction, 0)
    first, second, *_ = owners
    chain.command(rpc_url, _safe(), wallet, first, "approveHash", hashed)
    approved = bytes.fromhex(safes.put_together({first: "", second: ""})[2:])
    chain.command(rpc_url, _safe(), wallet, second, "execTransaction", *transaction, approved)


_FACTORY: Final = "proxies/SafeProxyFactory.sol/SafeProxyFactory"


def _safe() -> dict[str, Any]:
    return _artifact("Safe.sol/Safe")


def _artifact(path: str) -> dict[str, Any]:
    artifact: dict[str, Any] = json.loads((SAFE / f"{path}.json").read_bytes())
    return artifact
