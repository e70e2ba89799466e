"""Sites are paid on a real chain: what votes approve is due until a final block has the one transfer that pays it."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import translation

from config.demo import chain as demo
from frontend.news import told as in_words
from governance.chain.client import ChainClient
from governance.errors import Conflict, Refusal
from governance.fsck import check_one as of_governance
from governance.kinds import kind_named
from governance.models import Announcement, Community, Event
from governance.notifications import planning, telling
from tests.integration import settled
from tests.integration.books import EURO, balances, decide, opening
from tests.integration.commons import Commons
from tests.integration.conftest import NOON
from tests.integration.readers_told import kinds, reader
from tests.integration.settled import RATE
from training_jobs import news
from training_jobs.fsck import check_one as of_work
from training_jobs.models import LedgerEntry, Settlement, SettlementReading, Site
from training_jobs.settlement import reading, selectors
from training_jobs.settlement.__main__ import main as command
from training_jobs.sites import services as sites

LATER = NOON + timedelta(days=1)


@dataclass
class Paying:
    """A community that owes a site a hundred euros, a token on a chain, and who holds it."""

    commons: Commons
    rpc_url: str
    token: str
    treasury: str
    payout: str
    stranger: str

    @property
    def community(self) -> Any:
        return self.commons.community

    @property
    def terms(self) -> dict[str, str]:
        return settled.terms(self.token, self.treasury)

    def approved(self, amount: str = "12.50") -> Settlement:
        """Let a vote approve a payment."""
        return settled.approved(self.commons, amount)

    def send(self, value: int, sender: str = "", receiver: str = "") -> None:
        to, by = receiver or self.payout, sender or self.treasury
        demo.command(self.rpc_url, demo.built("CommonsToken"), self.token, by, "transfer", to, value)

    def read(self, *, final: bool = True) -> int:
        """Let what was sent become final, and read it."""
        if final:
            demo.finalize(self.rpc_url)
        node = ChainClient(self.rpc_url, 30, expected_chain_id=demo.CHAIN_ID)
        return reading.follow(self.community, self.token, node, LATER)

    def wrong(self) -> list[str]:
        community = Community.objects.get(pk=self.community.pk)
        return [str(found) for check in (of_governance, of_work) for found in check(community)]


@pytest.fixture
def paying(list_community: Callable[..., Commons], node: demo.DemoChain, settings: Any) -> Iterator[Paying]:
    """Terms are voted, and the chain was read once. What a test does on the chain is taken back."""
    before = demo.rpc(node.rpc_url, "evm_snapshot")
    accounts = [demo.checksum_address(each) for each in demo.rpc(node.rpc_url, "eth_accounts")]
    treasury, payout, stranger = accounts[6:9]
    holders = [(treasury, 1_000 * RATE * 100), (stranger, 1_000 * RATE * 100)]
    token = demo.deploy(node.rpc_url, demo.built("CommonsToken"), holders, deployer=accounts[9])
    settings.CHAIN_RPC = node.rpc_url
    made = Paying(list_community(), node.rpc_url, token, treasury, payout, stranger)
    decide(made.commons, "budget_opening", opening(amount="200.00"))
    settled.owe(made.commons, payout)
    decide(made.commons, "settlement_terms", made.terms)
    made.read()
    yield made
    assert demo.rpc(node.rpc_url, "evm_revert", [before])


def test_a_transfer_of_the_treasury_pays_what_a_vote_approved(paying: Paying) -> None:
    due = paying.approved()
    assert (due.payout, due.value, due.state) == (paying.payout, str(1_250 * RATE), "due")
    assert balances(paying.community)["site_credit:grid EUR"] == 8_750 * EURO // 100
    assert balances(paying.community)["due:grid EUR"] == 1_250 * EURO // 100
    assert paying.wrong() == []
    demo.send_transaction(paying.rpc_url, {"from": paying.treasury, **selectors.payment_of(due)})
    assert paying.read() == 1
    due.refresh_from_db()
    assert due.state == "paid"
    assert balances(paying.community)["due:grid EUR"] == 0
    receipt = demo.rpc(paying.rpc_url, "eth_getTransactionReceipt", [due.transaction])
    assert (int(receipt["blockNumber"], 16), receipt["blockHash"]) == (due.block_number, due.block_hash)
    told = Event.objects.get(kind="settlement_paid").data["facts"]
    assert (told["transaction"], told["log"], told["value"]) == (due.transaction, due.position, due.value)
    assert paying.read() == 0
    assert paying.wrong() == []


def test_another_value_or_another_sender_pays_nothing_and_the_log_says_what_missed(paying: Paying) -> None:
    due = paying.approved()
    paying.send(int(due.value) - 1)
    paying.send(int(due.value), sender=paying.stranger)
    paying.send(int(due.value), receiver=paying.stranger)
    assert paying.read() == 0
    due.refresh_from_db()
    assert due.state == "due"
    (missed,) = selectors.missed(paying.community)
    assert (missed.data["value"], missed.data["payout"]) == (str(int(due.value) - 1), paying.payout)
    paying.send(int(due.value))
    assert paying.read() == 1
    assert paying.wrong() == []


def test_a_transfer_that_the_chain_took_back_before_it_was_final_pays_nothing(paying: Paying) -> None:
    due = paying.approved()
    before = demo.rpc(paying.rpc_url, "evm_snapshot")
    paying.send(int(due.value))
    assert paying.read(final=False) == 0
    demo.rpc(paying.rpc_url, "evm_revert", [before])
    assert paying.read() == 0
    assert Settlement.objects.get().state == "due"


def test_two_equal_payments_need_two_transfers_and_the_oldest_is_paid_first(paying: Paying) -> None:
    first, second = paying.approved(), paying.approved()
    paying.send(int(first.value))
    assert paying.read() == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("paid", "due")
    paying.send(int(first.value))
    assert paying.read() == 1
    assert Settlement.objects.filter(paid_at__isnull=False).values("transaction").distinct().count() == 2
    assert paying.wrong() == []


def test_what_was_voted_is_kept_when_address_and_rate_change_afterwards(paying: Paying) -> None:
    due = paying.approved()
    sites.describe("grid", paying.payout, {"payout_address": paying.stranger}, NOON)
    decide(paying.commons, "settlement_terms", {**paying.terms, "rate": str(2 * RATE)})
    paying.send(int(due.value), receiver=paying.stranger)
    paying.send(2 * int(due.value))
    assert paying.read() == 0
    paying.send(int(due.value))
    assert paying.read() == 1
    assert paying.approved("1.00").value == str(200 * RATE)


def test_a_range_that_is_read_again_after_a_crash_books_nothing_twice(paying: Paying) -> None:
    due = paying.approved()
    before = SettlementReading.objects.values().get()
    paying.send(int(due.value))
    assert paying.read() == 1
    SettlementReading.objects.filter(pk=before["id"]).update(**{**before, "halted": ""})
    assert paying.read() == 0
    assert LedgerEntry.objects.filter(kind="paid").count() == 1


def test_where_a_final_block_that_paid_is_taken_back_nothing_more_is_read(paying: Paying) -> None:
    due = paying.approved()
    before = demo.rpc(paying.rpc_url, "evm_snapshot")
    paying.send(int(due.value))
    assert paying.read() == 1
    demo.rpc(paying.rpc_url, "evm_revert", [before])
    demo.rpc(paying.rpc_url, "evm_mine")
    paying.send(1)
    assert paying.read() == 0
    demo.finalize(paying.rpc_url)
    assert paying.read() == 0
    assert "was paid" in SettlementReading.objects.get().halted
    assert Event.objects.filter(kind="settlement_halted").count() == 1


# --- after a halt -------------------------------------------------------------------------------------------------


def halt(paying: Paying) -> Settlement:
    """Let a payment be read, and its block be taken back."""
    due = paying.approved()
    empty = demo.rpc(paying.rpc_url, "evm_snapshot")
    paying.send(int(due.value))
    assert paying.read() == 1
    demo.rpc(paying.rpc_url, "evm_revert", [empty])
    demo.rpc(paying.rpc_url, "evm_mine")
    paying.send(1)
    assert paying.read() == 0
    assert SettlementReading.objects.get().halted
    due.refresh_from_db()
    return due


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("settlements", *arguments, stdout=out)
    return out.getvalue()


def resume(paying: Paying, *lost: int) -> str:
    arguments = ["--lost", *map(str, lost)] if lost else []
    return run("--resume", paying.community.slug, paying.token.lower(), *arguments)


def test_a_halted_reading_says_why_and_goes_on_only_once_the_lost_payment_is_named(
    paying: Paying, client: Client
) -> None:
    due = halt(paying)
    number, other = due.proposal.number, paying.approved("1.00")
    assert f"halted: the chain took back block {due.block_number}, in which settlement {number} was paid" in run()
    page = client.get(f"/c/{paying.community.slug}/books/on-chain/").content.decode()
    assert f"stood in block {due.block_number}; it was approved by this proposal:" in page
    with pytest.raises(CommandError, match=f"{number} .block {due.block_number}, transaction {due.transaction}"):
        resume(paying)
    with pytest.raises(CommandError, match="there are none of these numbers"):
        resume(paying, number, 99)
    with pytest.raises(CommandError, match="--lost belongs to --resume"):
        run("--lost", "1")
    with pytest.raises(CommandError, match="no transfers of this token"):
        run("--resume", "nowhere", paying.token)
    assert SettlementReading.objects.get().halted
    assert "read on" in resume(paying, number)
    told = Event.objects.get(kind="settlement_resumed").data
    assert told["lost"] == [number]
    with pytest.raises(CommandError, match="read as it should be"):
        resume(paying)
    paying.send(int(other.value))
    assert paying.read() == 1
    due.refresh_from_db()
    assert due.state == "paid"  # the books are left to votes
    assert paying.wrong() == []


def test_a_payment_that_was_given_up_as_lost_halts_nothing_a_second_time(paying: Paying) -> None:
    due = halt(paying)
    resume(paying, due.proposal.number)
    before = demo.rpc(paying.rpc_url, "evm_snapshot")
    paying.send(2)
    assert paying.read() == 0
    demo.rpc(paying.rpc_url, "evm_revert", [before])
    demo.rpc(paying.rpc_url, "evm_mine")
    paying.send(3)
    assert paying.read() == 0
    assert SettlementReading.objects.get().halted == ""


def test_where_only_the_nodes_had_been_wrong_reading_goes_on_without_a_loss(paying: Paying) -> None:
    due = paying.approved()
    paying.send(int(due.value))
    assert paying.read() == 1
    SettlementReading.objects.update(halted="the chain took back a block", block_hash="0x" + "9" * 64)
    with pytest.raises(CommandError, match="stand on the chain"):
        resume(paying, Settlement.objects.get().proposal.number)
    assert f"up to block {Settlement.objects.get().block_number} · read on" in resume(paying)
    assert Event.objects.get(kind="settlement_resumed").data["lost"] == []
    assert paying.read() == 0
    assert paying.wrong() == []


def test_a_transaction_that_was_taken_back_and_stands_in_another_block_pays_nothing_else(paying: Paying) -> None:
    due = paying.approved()
    sent = {"from": paying.treasury, "gas": hex(200_000), "gasPrice": hex(10**10), **selectors.payment_of(due)}
    before = demo.rpc(paying.rpc_url, "evm_snapshot")
    demo.send_transaction(paying.rpc_url, sent)
    assert paying.read() == 1
    demo.rpc(paying.rpc_url, "evm_revert", [before])
    same = paying.approved()
    demo.rpc(paying.rpc_url, "anvil_mine", ["0x1"])  # within one second the very block would be made again
    demo.send_transaction(paying.rpc_url, sent)  # the same sender, nonce and content, in another block
    assert paying.read() == 0
    due.refresh_from_db()
    resume(paying, due.proposal.number)
    assert paying.read() == 0
    due.refresh_from_db()
    same.refresh_from_db()
    newest = demo.rpc(paying.rpc_url, "eth_getTransactionReceipt", [due.transaction])
    assert newest["blockHash"] != due.block_hash
    assert (due.state, same.state) == ("paid", "due")


# --- who is told --------------------------------------------------------------------------------------------------


def test_the_operator_is_told_what_becomes_of_a_payment_and_stewards_when_reading_halts(paying: Paying) -> None:
    operator = reader(LATER, address=paying.payout)
    steward = reader(LATER, address=paying.commons.address("Bob"))
    members = [{"address": paying.commons.address("Bob"), "name": "Bob"}]
    decide(paying.commons, "incident_stewards", {"members": members})
    due = paying.approved()
    paying.send(int(due.value) - 1)
    paying.read()
    before = demo.rpc(paying.rpc_url, "evm_snapshot")
    paying.send(int(due.value))
    paying.read()
    demo.rpc(paying.rpc_url, "evm_revert", [before])
    demo.rpc(paying.rpc_url, "evm_mine")
    paying.send(1)
    paying.read()
    resume(paying, due.proposal.number)
    planning.plan(LATER, news.facts)
    events = ("approved", "unmatched", "paid", "halted", "resumed")
    mine = [each for each in kinds(operator) if "settlement_" in each]
    assert list(dict.fromkeys(mine)) == [f"own_payout:settlement_{event}" for event in events]
    assert [each for each in kinds(steward) if "settlement_" in each] == ["settlement_duty:settlement_halted"]
    rows = Announcement.objects.filter(topic="own_payout").select_related("community", "proposal").order_by("pk")
    with translation.override("en"):
        said = {each.kind: in_words(told) for each, told in zip(rows, telling.of_announcements(rows), strict=True)}
    assert said["settlement_paid"].subject == "Paid on chain: 12.50 EUR for Grid"
    assert said["settlement_paid"].path == f"/c/{paying.community.slug}/books/on-chain/"
    assert paying.payout in said["settlement_approved"].sentence
    assert said["settlement_unmatched"].subject.endswith(": Grid")


def test_a_payment_that_was_not_made_is_taken_back_and_the_site_is_owed_it_as_before(paying: Paying) -> None:
    due = paying.approved()
    taking = {"settlement": due.proposal.number, "reason": "The key is lost."}
    decide(paying.commons, "settlement_withdrawal", taking)
    assert balances(paying.community)["site_credit:grid EUR"] == 100 * EURO
    paying.send(int(due.value))
    assert paying.read() == 0
    assert paying.wrong() == []
    with pytest.raises(Conflict) as refused:
        kind_named("settlement_withdrawal").clean(paying.community, taking)
    assert refused.value.code == "settlement_not_due"


def test_an_address_that_is_not_the_operators_account_is_paid_on_one_chain_only(paying: Paying, client: Client) -> None:
    kind = kind_named("site_settlement")
    sound = {"site": "grid", "currency": "EUR", "amount": "1.00", "reason": "As metered."}
    wallet = "0x" + "4" * 40
    sites.describe("grid", paying.payout, {"payout_address": wallet}, NOON)
    first = paying.approved("2.00")
    page = f"/c/{paying.community.slug}/books/on-chain/"
    assert "ask them before you pay whether it stands on chain" in client.get(page).content.decode()
    assert [fact.text for fact in kind.facts(first.proposal.payload) if fact.label == "On the chain"] == ["31337"]
    assert kind.clean(paying.community, sound)["offer"]["payout"] == wallet
    Settlement.objects.filter(pk=first.pk).update(chain_id=1)
    with pytest.raises(Refusal) as refused:
        kind.clean(paying.community, sound)
    assert (refused.value.code, refused.value.found) == ("payout_on_another_chain", wallet)
    assert refused.value.allowed == paying.payout
    sites.describe("grid", paying.payout, {"payout_address": paying.payout}, NOON)
    assert kind.clean(paying.community, sound)["offer"]["payout"] == paying.payout


def test_nothing_is_settled_without_terms_without_an_address_and_beyond_what_is_owed(paying: Paying) -> None:
    kind = kind_named("site_settlement")
    sound = {"site": "grid", "currency": "EUR", "amount": "100.00", "reason": "As metered."}
    assert kind.clean(paying.community, kind.clean(paying.community, sound))["offer"]["value"] == str(10_000 * RATE)
    for change, code in (
        ({"amount": "100.01"}, "account_exhausted"),
        ({"amount": "1.000001"}, "not_whole_minor_units"),
        ({"currency": "USD"}, "no_settlement_terms"),
        ({"site": "nowhere"}, "unknown_site"),
        ({"site": "\x00"}, "unknown_site"),
        ({"site": ["grid"]}, "malformed_field"),
        ({"amount": 5}, "malformed_amount"),
    ):
        with pytest.raises(Refusal) as refused:
            kind.clean(paying.community, {**sound, **change})
        assert refused.value.code == code, change
    Site.objects.filter(slug="grid").update(payout_address="")
    with pytest.raises(Refusal) as refused:
        kind.clean(paying.community, sound)
    assert refused.value.code == "no_payout_address"


def test_terms_that_nobody_could_pay_by_are_refused_and_a_vote_ends_them(paying: Paying) -> None:
    kind = kind_named("settlement_terms")
    other = {**paying.terms, "rate": "7"}
    for change, code in (
        ({"rate": "0"}, "malformed_rate"),
        ({"rate": "1.5"}, "malformed_rate"),
        ({"rate": "9" * 37}, "malformed_rate"),
        ({"rate": 7}, "malformed_rate"),
        ({"token": "0x12"}, "malformed_field"),
        ({"token": None}, "malformed_field"),
        ({"treasury": "0x" + "0" * 40}, "address_zero"),
        ({"treasury": paying.treasury.swapcase().replace("0X", "0x")}, "address_checksum"),
        ({"treasury": paying.token}, "token_is_treasury"),
        ({"decision": "perhaps"}, "unknown_choice"),
        ({"rate": str(RATE)}, "nothing_changes"),
    ):
        with pytest.raises(Refusal) as refused:
            kind.clean(paying.community, {**other, **change})
        assert refused.value.code == code, change
    due = paying.approved()
    decide(paying.commons, "settlement_terms", {"decision": "end", "currency": "EUR"})
    assert selectors.terms(paying.community) == []
    paying.send(int(due.value))
    assert paying.read() == 1  # what was approved is still followed
    assert paying.wrong() == []


def test_fsck_finds_what_the_log_was_not_told(paying: Paying) -> None:
    due = paying.approved()
    for change in ({"payout": paying.stranger}, {"value": "1"}, {"approved_at": NOON}, {"rate": "3"}):
        with transaction.atomic():
            Settlement.objects.filter(pk=due.pk).update(**change)
            assert any("training_jobs_settlement" in line for line in paying.wrong()), change
            transaction.set_rollback(True)
    assert paying.wrong() == []


def test_pages_and_api_say_who_is_owed_what_and_how_to_pay(paying: Paying, client: Client) -> None:
    due, other = paying.approved(), paying.approved("1.00")
    paying.send(int(other.value))
    paying.send(5)
    assert paying.read() == 1
    at = f"/api/v1/communities/{paying.community.slug}"
    said = client.get(f"{at}/settlement").json()
    assert [each["rate"] for each in said["terms"]] == [str(RATE)]
    (owed,) = said["owed"]
    assert (owed["credit"], owed["due"]) == (str(8_650 * EURO // 100), str(1_250 * EURO // 100))
    paid, waits = client.get(f"{at}/settlements").json()["results"]
    assert (paid["state"], waits["state"], waits["paid"]) == ("paid", "due", None)
    assert paid["paid"]["transaction"] == Settlement.objects.get(pk=other.pk).transaction
    answer = client.post(f"{at}/settlements/{waits['number']}/transaction").json()
    assert answer["sender"] == paying.treasury
    assert answer["transaction"] == selectors.payment_of(due)
    refused = client.post(f"{at}/settlements/{paid['number']}/transaction")
    assert (refused.status_code, refused.json()["code"]) == (409, "settlement_not_due")
    assert client.post(f"{at}/settlements/999/transaction").status_code == 404
    for language in ("en", "fr"):
        page = client.get(f"/c/{paying.community.slug}/books/on-chain/", headers={"accept-language": language})
        assert page.status_code == 200
        assert answer["transaction"]["data"] in page.content.decode()
        assert paid["paid"]["transaction"] in page.content.decode()
    rows = csv.DictReader(io.StringIO(b"".join(client.get(f"{at}/ledger.csv")).decode()))
    assert {row["kind"]: row["transaction"] for row in rows if row["transaction"]} == {
        "paid": paid["paid"]["transaction"]
    }
    journal = b"".join(client.get(f"{at}/ledger.beancount")).decode()
    assert f'transaction: "{paid["paid"]["transaction"]}"' in journal


def test_the_forms_of_the_editor_give_what_is_proposed(paying: Paying) -> None:
    due = paying.approved()
    sound = {
        "settlement_terms": {**paying.terms, "rate": "9"},
        "site_settlement": {"site": "grid", "currency": "EUR", "amount": "1.00", "reason": "Again."},
        "settlement_withdrawal": {"settlement": str(due.proposal.number), "reason": "Lost."},
    }
    for name, answers in sound.items():
        kind = kind_named(name)
        assert {field.name for field in kind.fields(paying.community)} == set(answers)
        payload = kind.clean(paying.community, kind.from_form(answers))
        assert kind.describe(payload)
        assert all(fact.label and fact.text for fact in kind.facts(payload))
    ended = kind_named("settlement_terms").from_form({**paying.terms, "decision": "end"})
    assert ended == {"decision": "end", "currency": "EUR"}
    assert "no longer" in kind_named("settlement_terms").describe(ended)
    assert kind_named("settlement_withdrawal").from_form({"settlement": "x", "reason": ""})["settlement"] == "x"


def test_a_stranger_holds_the_payments_of_the_log_against_the_chain(
    paying: Paying, tmp_path: Path, capsys: Any
) -> None:
    due = paying.approved()
    paying.send(int(due.value))
    assert paying.read() == 1
    log = tmp_path / "gardens.jsonl"
    lines = [event.leaf for event in paying.community.events.order_by("position")]
    log.write_text("\n".join(lines))
    assert command([str(log), "--rpc", paying.rpc_url]) == 0
    assert "1 of 1 payments" in capsys.readouterr().out
    due.refresh_from_db()
    for old, new, says in (
        (f'"log":{due.position}', f'"log":{due.position + 1}', "no such transfer"),
        (due.block_hash, "0x" + "1" * 64, "is another one"),
        (f'"block":{due.block_number}', f'"block":{due.block_number + 900}', "not final"),
        (f'"payout":"{due.payout}"', f'"payout":"{paying.stranger}"', "was voted"),
    ):
        changed = [line.replace(old, new) if '"settlement_paid"' in line else line for line in lines]
        assert changed != lines
        log.write_text("\n".join(changed))
        assert command([str(log), "--rpc", paying.rpc_url]) == 1, says
        assert says in capsys.readouterr().out
    log.write_text("\n".join([*lines, lines[-1]]))  # the payment told twice
    assert command([str(log), "--rpc", paying.rpc_url]) == 1
    assert command([str(log), "--rpc", "http://127.0.0.1:9"]) == 2
    assert command([str(tmp_path / "none"), "--rpc", paying.rpc_url]) == 2
