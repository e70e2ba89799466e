"""The books as files: what is written is read back by other means, and says what the books say."""

import csv
import io
import re
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest

from governance.errors import Invalid
from tests.integration.books import EURO, HOLDER, balances, commons, decide, funded, metered, moving, opening  # noqa: F401
from tests.integration.conftest import NOON
from training_jobs.ledger import export, services
from training_jobs.ledger.currencies import for_people, in_full, read_amount, require_money
from training_jobs.models import LedgerAccount, LedgerEntry

DAY = timedelta(days=1)
RUN = "request:7"


@pytest.fixture
def books(funded):  # noqa: F811 - fixtures
    """Books with every kind of entry, an odd price, two currencies, a text with marks, and a clock that was set back."""
    community = funded.community
    decide(funded, "budget_opening", opening(currency="JPY", amount="5.000001", source='A "gift" \\ of\n friends; * !'))
    services.hold(community, RUN, 20 * EURO, "EUR", NOON + 3 * DAY)
    services.settle(community, RUN, "attempt:1", metered(1_001, price=EURO // 7), NOON + 2 * DAY)
    services.settle(community, RUN, "attempt:2", metered(10, site="x-ray_2", operator=""), NOON + 4 * DAY)
    services.hold(community, "request:8", 0, "EUR", NOON + 4 * DAY)
    services.release(community, RUN, NOON + 5 * DAY)
    decide(funded, "budget_transfer", moving("1.00", target="budget:spare", reason="=cmd|' /C calc'!A0"))
    return community


def journal(community):
    return "".join(export.as_journal(community))


def read_journal(text):
    """Return accounts with their owners, transactions and final balances, as a plain reader of the format finds them."""
    accounts, transactions, ends, lines = {}, [], {}, text.splitlines()
    for line in lines:
        if line.startswith((";", "option")) or not line:
            continue
        if opened := re.fullmatch(r"(\d{4}-\d\d-\d\d) open ((?:[A-Z0-9][A-Za-z0-9-]*:?)+)  ([A-Z,-]+)", line):
            accounts[opened[2]] = {"since": opened[1], "currencies": opened[3].split(",")}
            newest = accounts[opened[2]]
        elif begun := re.fullmatch(r'(\d{4}-\d\d-\d\d) \* "(\w+)"', line):
            newest = {"on": begun[1], "kind": begun[2], "postings": []}
            transactions.append(newest)
        elif said := re.fullmatch(r"  ([a-z]+): (\d+|\"(?:[^\"\\]|\\.)*\")", line):
            newest[said[1]] = said[2].removeprefix('"').removesuffix('"')
        elif posted := re.fullmatch(r"  (\S+)  (-?[\d.]+) ([A-Z-]+)", line):
            newest["postings"].append((posted[1], Decimal(posted[2]), posted[3]))
        else:
            ended = re.fullmatch(r"(\d{4}-\d\d-\d\d) balance (\S+)  (-?[\d.]+) ~ 0 ([A-Z-]+)", line)
            assert ended, line
            ends[ended[2], ended[4]] = (ended[1], Decimal(ended[3]))
    return accounts, transactions, ends


def test_a_journal_balances_and_ends_as_the_books_do(books):
    accounts, transactions, ends = read_journal(journal(books))
    sums = defaultdict(Decimal)
    days = []
    for each in transactions:
        by_currency = defaultdict(Decimal)
        for account, amount, currency in each["postings"]:
            assert currency in accounts[account]["currencies"]
            assert accounts[account]["since"] <= each["on"]
            by_currency[currency] += amount
            sums[account, currency] += amount
        assert set(by_currency.values()) == {0}
        days.append(each["on"])
    assert days == sorted(days)
    assert {key: amount for key, (_day, amount) in ends.items()} == {key: sums[key] for key in ends}
    assert min(day for day, _amount in ends.values()) > max(days)
    assert [int(each["number"]) for each in transactions] == [1, 2, 3, 4, 5, 7, 8]
    stored = {
        (export.account_name(each), each.currency.upper()): Decimal(in_full(each.balance, each.currency))
        for each in LedgerAccount.objects.filter(community=books)
    }
    assert {key: amount for key, (_day, amount) in ends.items()} == stored


def test_names_of_a_journal_are_its_own_and_owners_stand_beside_them(books):
    accounts, _transactions, _ends = read_journal(journal(books))
    assert accounts["Assets:Sites:Grid"]["owner"] == "grid"
    escaped = f"Assets:Sites:X-{b'x-ray_2'.hex()}"
    assert accounts[escaped]["owner"] == "x-ray_2"
    assert accounts[f"Assets:Contributions:{HOLDER}"]["currencies"] == ["DEVICE-SECOND"]
    assert accounts["Equity:Outside:World"]["currencies"] == ["EUR", "JPY", "DEVICE-SECOND"]


def test_two_owners_never_share_a_name_in_a_journal():
    owners = ["grid", "Grid", "GRID", "x-ray", "X-Ray", "2grid", "_grid", "grid_", "-", "x-", "x-67726964", "0xAb"]
    names = [export.account_name(LedgerAccount(kind="site_credit", owner=owner)) for owner in owners]
    assert len(set(names)) == len(owners)
    assert all(re.fullmatch(r"Assets:Sites:[A-Z0-9][A-Za-z0-9-]*", name) for name in names)


def test_texts_of_people_stay_texts(books):
    _accounts, transactions, _ends = read_journal(journal(books))
    assert transactions[1]["reason"] == r"A \"gift\" \\ of friends; * !"
    assert '; 2026-11-25 * "held"' in journal(books), "what moved nothing is a comment"
    assert "calc" not in "".join(export.as_csv(books))


def test_equal_books_give_equal_bytes(books):
    assert journal(books) == journal(books)
    assert "".join(export.as_csv(books)) == "".join(export.as_csv(books))


def test_csv_has_a_line_for_each_posting_and_adds_up_to_the_balances(books):
    rows = list(csv.DictReader(io.StringIO("".join(export.as_csv(books)), newline="")))
    sums = defaultdict(int)
    for row in rows:
        sums[f"{row['from']} {row['currency']}"] -= int(row["units"])
        sums[f"{row['to']} {row['currency']}"] += int(row["units"])
        assert Decimal(row["amount"]) == Decimal(in_full(int(row["units"]), row["currency"]))
    assert {name: there for name, there in balances(books).items() if there} == {n: s for n, s in sums.items() if s}
    assert (rows[0]["at"], rows[0]["kind"]) == ("2026-11-21T12:02:10Z", "opened")
    assert {row["request"] for row in rows} == {"", RUN}


def test_many_entries_are_sent_in_their_order_and_some_at_a_time(books, monkeypatch, django_assert_max_num_queries):
    whole = "".join(export.as_csv(books))
    monkeypatch.setattr(export, "BATCH", 2)
    assert "".join(export.as_csv(books)) == whole
    monkeypatch.setattr(export, "BATCH", 500)
    with django_assert_max_num_queries(6):
        journal(books)


def test_empty_books_are_files_too(commons):  # noqa: F811
    assert list(csv.reader(export.as_csv(commons.community))) == [list(export.COLUMNS)]
    assert read_journal(journal(commons.community)) == ({}, [], {})


def test_anybody_reads_the_books(books, client):
    base = "/api/v1/communities/gardens/ledger"
    listed = client.get(f"{base}/accounts").json()
    assert listed["count"] == len(balances(books))
    general = next(each for each in listed["results"] if (each["owner"], each["currency"]) == ("general", "EUR"))
    assert general["balance"] == in_full(int(general["units"]), "EUR")
    assert general == {**general, "kind": "budget", "currency": "EUR"}
    page = client.get(f"{base}/entries?page_size=3").json()
    assert (page["count"], [each["number"] for each in page["results"]]) == (8, [8, 7, 6])
    newest = page["results"][0]
    assert newest["postings"] == [
        {
            "from": "budget:general",
            "to": "budget:spare",
            "currency": "EUR",
            "units": str(EURO),
            "amount": "1.00000000",
        }
    ]
    assert newest["proposal"] == LedgerEntry.objects.get(community=books, number=8).proposal.public_id
    assert client.get(f"{base}/contributions").json() == {"credits": {HOLDER: "2002"}}


def test_entries_can_be_asked_for_by_account(books, client):
    base = "/api/v1/communities/gardens/ledger/entries"
    site = LedgerAccount.objects.get(owner="grid")
    assert [each["number"] for each in client.get(f"{base}?account={site.pk}").json()["results"]] == [4]
    for wrong, status in [("x", 400), ("-1", 400), ("9" * 15, 404), ("9" * 40, 400), ("0", 404), ("%00", 400)]:
        assert client.get(f"{base}?account={wrong}").status_code == status, wrong
    assert client.get("/api/v1/communities/nobody/ledger/entries").status_code == 404


def test_both_files_can_be_fetched_whatever_a_client_says_that_it_takes(books, client):
    for ending, content in (("csv", "text/csv; charset=utf-8"), ("beancount", "text/plain; charset=utf-8")):
        answer = client.get(f"/api/v1/communities/gardens/ledger.{ending}", headers={"Accept": "text/plain"})
        assert (answer.status_code, answer["Content-Type"]) == (200, content)
        assert answer["Content-Disposition"] == f'attachment; filename="gardens-ledger.{ending}"'
        body = b"".join(answer.streaming_content).decode()
        assert body == (journal(books) if ending == "beancount" else "".join(export.as_csv(books)))


def test_amounts_are_written_and_read_with_the_digits_of_their_currency():
    assert in_full(-1, "EUR") == "-0.00000001"
    assert in_full(1_234_567, "JPY") == "1.234567"
    assert in_full(1, "KWD") == "0.000000001"
    assert in_full(7_200, "device-second") == "7200"
    assert [for_people(amount, "EUR") for amount in (0, 1_250_000_000, 1, 12 * EURO)] == [
        "0.00",
        "12.50",
        "0.00000001",
        "12.00",
    ]
    assert (for_people(3_000_000, "JPY"), for_people(5, "device-second")) == ("3", "5")
    assert [read_amount(text, "EUR") for text in ("12.5", "0012.50", "12", "0.00000001")] == [
        1_250_000_000,
        1_250_000_000,
        12 * EURO,
        1,
    ]
    for text in ("", "-1", "1e3", "1,5", ".5", "5.", "٣", "1" * 17, "0.000000001", "NaN", " 1"):
        assert read_amount(text, "EUR") is None, text
    for currency in ("eur", "EURO", "", None, 5, "device-second", "E\u0130R"):
        with pytest.raises(Invalid):
            require_money(currency, "currency")
