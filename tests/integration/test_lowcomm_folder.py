"""The exchange folder as a trainer reads it: nothing in it is trusted."""

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch

import pytest
import torch

from training_jobs.exchange import payload
from training_jobs.spec import Topology
from training_jobs.trainer.failures import PermanentFailure, TemporaryFailure
from training_jobs.trainer.lowcomm.compression import Compressor
from training_jobs.trainer.lowcomm.exchange import ROUNDS_KEPT, Exchange
from training_jobs.trainer.lowcomm.history import History
from training_jobs.trainer.strategies.diloco import place_in

PLACE = {"member": "a", "workers": 2, "slot": 0, "round": 0}
TOPOLOGY = Topology(2, 4, 1, 0, 0, 32, 0, False, "mean")  # type: ignore[arg-type]


def exchange_in(folder: Path, place: Any = PLACE) -> Exchange:
    (folder / "exchange").mkdir(parents=True)
    (folder / "exchange" / "member.json").write_text(json.dumps(place))
    return Exchange(folder, 2)


def close(exchange: Exchange, number: int, payloads: dict[str, bytes], record: Any = None) -> None:
    folder = exchange.folder / "rounds" / f"{number:06d}"
    folder.mkdir()
    members = [{"member": name, "sha256": payload.sha256(data), "tokens": 1} for name, data in payloads.items()]
    for entry, data in zip(members, payloads.values(), strict=True):
        (folder / f"{entry['sha256']}.bin").write_bytes(data)
    (folder / "round.json").write_text(json.dumps(record or {"round": number, "members": members}))


def sent(history: History, member: str, value: float, number: int = 0) -> bytes:
    header = payload.Header(number, member, 1, 4, 0, 32, 0, history.start_digest(number))
    return payload.join(header, Compressor([(3,)], 32, 0).encode([torch.full((3,), value)], 0))


def refusals(exchange: Exchange) -> list[tuple[str, str]]:
    path = exchange.folder / "refusals.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(line["member"], line["code"]) for line in lines]


@pytest.mark.parametrize(
    "place",
    [
        None,
        [],
        {},
        {**PLACE, "workers": 3},
        {**PLACE, "slot": 2},
        {**PLACE, "slot": "0"},
        {**PLACE, "slot": True},
        {**PLACE, "member": "../a"},
        {**PLACE, "round": -1},
        {**PLACE, "round": "0"},
        {"member": "a", "workers": 2},
    ],
)
def test_a_place_that_is_none_ends_the_run_for_good(tmp_path: Path, place: Any) -> None:
    with pytest.raises(PermanentFailure, match="input_unreadable"):
        exchange_in(tmp_path, place)


def test_a_folder_that_nobody_prepared_ends_the_run_for_good(tmp_path: Path) -> None:
    with pytest.raises(PermanentFailure, match="input_missing"):
        Exchange(tmp_path, 2)


@pytest.mark.parametrize(
    "record",
    [
        {"round": 1, "members": []},
        {"round": 0, "members": [{"member": "a"}]},
        {"round": 0, "members": [{"member": "../a", "sha256": "0" * 64}]},
        {"round": 0, "members": [{"member": "a", "sha256": "../" + "0" * 61}]},
        {"round": 0, "members": [{"member": "b", "sha256": "0" * 64}, {"member": "a", "sha256": "0" * 64}]},
        {"round": 0, "members": [{"member": "a", "sha256": "0" * 64}] * 2},
        {"round": 0, "members": [{"member": "a", "sha256": "0" * 64}]},
        [1],
        "x",
    ],
)
def test_a_round_that_cannot_be_read_is_no_reason_to_go_on_alone(tmp_path: Path, record: Any) -> None:
    exchange = exchange_in(tmp_path)
    history = History(TOPOLOGY, [torch.zeros(3)], exchange)
    close(exchange, 0, {}, record)
    with pytest.raises(TemporaryFailure, match=r"round_(unreadable|incomplete)"):
        history.apply(0)
    assert history.applied == 0


def test_a_payload_damaged_here_is_fetched_again_because_the_others_have_used_it(tmp_path: Path) -> None:
    exchange = exchange_in(tmp_path)
    history = History(TOPOLOGY, [torch.zeros(3)], exchange)
    payloads = {"a": sent(history, "a", 1.0), "b": sent(history, "b", 2.0)}
    close(exchange, 0, payloads)
    damaged = exchange.folder / "rounds" / "000000" / f"{payload.sha256(payloads['b'])}.bin"
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    with pytest.raises(TemporaryFailure, match="round_incomplete"):
        history.apply(0)
    assert not damaged.exists()
    assert not exchange.is_closed(0)
    assert history.applied == 0


def test_a_round_in_which_nothing_can_be_used_changes_nothing(tmp_path: Path) -> None:
    exchange = exchange_in(tmp_path)
    history = History(TOPOLOGY, [torch.ones(3)], exchange)
    close(exchange, 0, {"a": b"nonsense", "b": sent(history, "c", 1.0)})
    history.apply(0)
    assert torch.equal(history.outer.weights[0], torch.ones(3))
    assert history.applied == 1
    assert refusals(exchange) == [("a", "payload_malformed"), ("b", "payload_of_another")]


def test_a_member_that_computed_something_else_stops(tmp_path: Path) -> None:
    exchange = exchange_in(tmp_path)
    history = History(TOPOLOGY, [torch.zeros(3)], exchange)
    others = History(TOPOLOGY, [torch.ones(3)], exchange)
    close(exchange, 0, {name: sent(others, name, 1.0) for name in "ab"})
    with pytest.raises(TemporaryFailure, match="diverged"):
        history.apply(0)


def test_rounds_long_since_applied_leave_the_disk_and_the_courier_is_told_not_to_fetch_them(tmp_path: Path) -> None:
    exchange = exchange_in(tmp_path)
    exchange.begin_at(0)
    history = History(TOPOLOGY, [torch.zeros(3)], exchange)
    for number in range(ROUNDS_KEPT + 3):
        close(exchange, number, {"a": sent(history, "a", 1.0, number)})
        history.apply(number)
    kept = sorted(path.name for path in (exchange.folder / "rounds").iterdir())
    assert kept == [f"{number:06d}" for number in range(3, ROUNDS_KEPT + 3)]
    assert json.loads((exchange.folder / "from.json").read_bytes()) == {"round": 3}


def test_who_waits_for_others_says_so_while_it_waits(tmp_path: Path) -> None:
    exchange = exchange_in(tmp_path)
    waiting = exchange.folder / "waiting"
    assert not exchange.wait(0, should_stop=waiting.exists)
    close(exchange, 0, {})
    assert exchange.wait(0, should_stop=waiting.exists)


def test_every_batch_falls_to_exactly_one_place_in_each_draw() -> None:
    for number in range(50):
        assert sorted(place_in(7, number, 5, slot) for slot in range(5)) == [0, 1, 2, 3, 4]
    assert {place_in(7, number, 5, 0) for number in range(50)} == {0, 1, 2, 3, 4}
