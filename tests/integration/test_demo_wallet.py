"""What the demo wallet sends for any visitor: delegations of a votes token, calls of a Governor, and nothing else."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import RequestFactory

from config.demo import chain, wallet
from governance.chain import delegations, governor

GOVERNOR = "0x" + "60" * 20


@pytest.fixture
def send(node: chain.DemoChain, token: chain.DemoToken, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ask the wallet to send one transaction; return the status and the answer."""
    settings.CHAIN_RPC = node.rpc_url
    known = SimpleNamespace(filter=lambda token__iexact: SimpleNamespace(exists=lambda: token__iexact == token.address))
    monkeypatch.setattr(wallet, "Community", SimpleNamespace(objects=known))
    followed = SimpleNamespace(
        filter=lambda governor__iexact: SimpleNamespace(exists=lambda: governor__iexact == GOVERNOR)
    )
    monkeypatch.setattr(wallet, "Contract", SimpleNamespace(objects=followed))

    def ask(*transactions: object) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"method": "eth_sendTransaction", "params": list(transactions)})
        request = RequestFactory().post("/demo/wallet", body, content_type="application/json")
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        answer = wallet.call(request)
        return answer.status_code, json.loads(answer.content)

    return ask


def test_a_visitor_delegates_on_chain(send: Any, node: chain.DemoChain, token: chain.DemoToken) -> None:
    alice = token.members[0].address
    transaction = delegations.transaction(token.address, token.chain_id, alice)
    before = chain.rpc(node.rpc_url, "eth_blockNumber")
    status, answer = send({"from": alice, "value": "0x1", **transaction})
    assert (status, len(answer["result"])) == (200, 66)
    chain.wait_for(node.rpc_url, answer["result"])
    sent = chain.rpc(node.rpc_url, "eth_getTransactionByHash", [answer["result"]])
    assert (sent["value"], sent["input"]) == ("0x0", transaction["data"])
    assert chain.rpc(node.rpc_url, "eth_blockNumber") != before


def test_a_visitor_votes_through_a_governor_that_a_community_governs_by(
    send: Any, node: chain.DemoChain, token: chain.DemoToken
) -> None:
    alice, bob = (member.address for member in token.members[:2])
    for vote in (governor.cast_vote(7, 1, ""), governor.cast_vote(7, 1, "Because.")):
        status, answer = send({"from": alice, "to": GOVERNOR, "data": vote})
        assert status == 200
        chain.wait_for(node.rpc_url, answer["result"])
        assert send({"from": alice, "to": bob, "data": vote})[0] == 403


def test_any_other_transaction_is_refused(send: Any, node: chain.DemoChain, token: chain.DemoToken) -> None:
    alice = token.members[0].address
    good = {"from": alice, **delegations.transaction(token.address, token.chain_id, alice)}
    transfer = f"0xa9059cbb{1:064x}{1:064x}"
    before = chain.rpc(node.rpc_url, "eth_blockNumber")
    bad: list[list[object]] = [
        [],
        ["0x"],
        [good, good],
        [{**good, "to": alice}],
        [{**good, "to": None}],
        [{**good, "to": GOVERNOR}],
        [{**good, "to": GOVERNOR, "data": governor.call("relay", ("address", "uint256", "bytes"), (alice, 1, b""))}],
        [{**good, "data": transfer}],
        [{**good, "data": good["data"] + "00"}],
        [{**good, "data": None}],
        [{key: value for key, value in good.items() if key != "from"}],
    ]
    for transactions in bad:
        status, answer = send(*transactions)
        assert (status, answer["error"]["code"]) == (403, 4100), transactions
    assert chain.rpc(node.rpc_url, "eth_blockNumber") == before
