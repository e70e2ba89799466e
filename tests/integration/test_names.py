"""Names from a registry on a local chain: asked for in the background, believed only both ways, shown beside addresses."""

import base64
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from config import sweeper
from config.demo import chain as demo
from frontend import tasks
from frontend.templatetags.commonweights import person
from governance import names
from governance.models import Account, KnownName
from governance.names import keeping, standard
from tests.integration.conftest import NOON, Voter
from tests.vectors.governor_chain import Contract, compile_contracts, deploy_contract, taken_back

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def _nothing(address: str) -> None:
    raise AssertionError(f"{address} is not to be fetched")


@pytest.fixture(scope="module")
def service(node: demo.DemoChain, voters: dict[str, Voter]) -> Contract:
    """A registry in which Alice says her name rightly, Bob says Alice's, and Chloé's leads to nobody."""
    compile_contracts()
    alice, bob, carla = (voters[name].address for name in ("Alice", "Bob", "Chloé"))
    made = deploy_contract(node.rpc_url, "NameService", alice)
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(out, "PNG")
    avatar = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
    made.send(alice, "setName", standard.reverse_node(alice), "alice.river.eth")
    made.send(alice, "setHolder", standard.node_of("alice.river.eth"), alice, avatar)
    made.send(bob, "setName", standard.reverse_node(bob), "alice.river.eth")
    # A resolver that is a token: it refuses what it is asked.
    made.send(carla, "setResolver", standard.reverse_node(carla), made.address)
    made.send(carla, "setName", standard.reverse_node(carla), "Chloé.eth")
    demo.rpc(node.rpc_url, "anvil_mine", [hex(demo.BLOCKS_UNTIL_FINALIZED), hex(1)])
    return made


@pytest.fixture
def people(db: None, service: Contract, voters: dict[str, Voter], settings: Any) -> dict[str, str]:
    """Three who signed in, on a site that asks for names."""
    settings.NAMES_RPC, settings.NAMES_REGISTRY = service.rpc_url, service.address
    settings.NAMES_AVATARS, settings.CHAIN_TIMEOUT_SECONDS = True, 30
    found = {name: voters[name].address for name in ("Alice", "Bob", "Chloé")}
    for address in found.values():
        Account.objects.create_user(address)
    keeping._known.cache_clear()
    return found


def _at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr("frontend.templatetags.commonweights.now", lambda: moment)
    monkeypatch.setattr("frontend.views.names.now", lambda: moment)
    keeping._known.cache_clear()


def test_a_name_is_shown_where_it_leads_back_to_the_account_and_nowhere_else(
    people: dict[str, str], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names.waits(NOON)
    assert names.refresh(NOON, _nothing) == 3
    assert not names.waits(NOON)
    told = dict(KnownName.objects.values_list("address", "name"))
    assert told == {people["Alice"]: "alice.river.eth", people["Bob"]: "", people["Chloé"]: ""}
    _at(monkeypatch, NOON)
    alice = person(people["Alice"], "Alice")
    assert "<b>Alice</b>" in alice
    assert "alice.river.eth" in alice
    assert people["Alice"] in alice
    assert "river" not in person(people["Bob"])
    answer = client.get(f"/names/{people['Alice']}.png")
    assert answer["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (64, 64)
    assert client.get(f"/names/{people['Bob']}.png").status_code == 404
    assert client.get("/names/nobody.png").status_code == 404
    monkeypatch.setattr("governance.clock.now", lambda: NOON)
    told_over_json = client.get(f"/api/v1/names/{people['Alice']}").json()
    assert told_over_json["name"] == "alice.river.eth"
    assert told_over_json["told_at"].startswith("2026-11-21T12:00")
    assert client.get(f"/api/v1/names/{people['Bob']}").json()["name"] == ""
    assert client.get("/api/v1/names/river.eth").status_code == 400


def test_a_name_runs_out_and_a_silent_node_takes_none_away_before(
    people: dict[str, str], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    names.refresh(NOON, _nothing)
    assert names.waits(NOON + DAY)
    settings.NAMES_RPC = "http://127.0.0.1:9"
    assert names.refresh(NOON + DAY, _nothing) == 0
    _at(monkeypatch, NOON + DAY)
    assert "alice.river.eth" in person(people["Alice"])
    _at(monkeypatch, NOON + 2 * DAY)
    assert "alice.river.eth" not in person(people["Alice"])


def test_a_name_that_was_given_up_goes_with_the_next_answer(
    people: dict[str, str], service: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.refresh(NOON, _nothing)
    node, alice = standard.node_of("alice.river.eth"), people["Alice"]
    with taken_back(service.rpc_url):
        service.send(alice, "setHolder", node, people["Bob"], "")
        demo.rpc(service.rpc_url, "anvil_mine", [hex(demo.BLOCKS_UNTIL_FINALIZED), hex(1)])
        assert names.refresh(NOON + DAY, _nothing) == 3
    _at(monkeypatch, NOON + DAY)
    assert "river" not in person(alice)
    assert "river" in person(people["Bob"])  # whose name it is now, and who says so


def test_the_sweeper_only_sends_a_message_and_the_worker_asks(
    people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(tasks.names_job, "apply_async", lambda *_, **__: sent.append(tasks.names_job))
    assert sweeper.nudge() == 0
    assert sent == [tasks.names_job]
    assert not KnownName.objects.exists()
    tasks.names_job()
    assert KnownName.objects.get(address=people["Alice"]).name == "alice.river.eth"


def test_nothing_is_asked_or_shown_where_no_node_is_named(
    people: dict[str, str], settings: Any, django_assert_num_queries: Any
) -> None:
    names.refresh(NOON, _nothing)
    settings.NAMES_RPC = ""
    with django_assert_num_queries(0):
        assert not names.waits(NOON + DAY)
        assert names.refresh(NOON + DAY, _nothing) == 0
        assert "river" not in person(people["Alice"])
