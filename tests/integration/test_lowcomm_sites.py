"""Several trainers, one relay, real processes: everybody ends with the same weights, whoever came, died or came back."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.trainer_runs import make_base
from tests.testbed.sites import SECRET, Village, ticket_of, village, wait_until
from training_jobs.exchange import payload, tickets
from training_jobs.exchange.line import Line
from training_jobs.exchange.recompute import NotRecomputed, recompute
from training_jobs.trainer.lowcomm.exchange import Exchange

TOPOLOGY: dict[str, Any] = {
    "workers": 2,
    "local_steps": 6,
    "outer_learning_rate": "1",
    "outer_momentum": "0.5",
    "rank": 0,
    "bits": 32,
    "delay": 0,
    "adaptive": False,
    "aggregation": "mean",
}
COMPRESSED = {**TOPOLOGY, "rank": 8, "bits": 4, "delay": 1}
SIGNS = {**TOPOLOGY, "bits": 1, "delay": 1, "adaptive": True}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def all_ended_alike(town: Village) -> bool:
    assert [site.ended() for site in town.sites] == [0] * len(town.sites)
    return len({site.weights() for site in town.sites}) == 1


@pytest.mark.parametrize(
    ("strategy", "topology"),
    [("diloco", TOPOLOGY), ("dilocox", {**COMPRESSED, "adaptive": True}), ("dilocox", SIGNS)],
    ids=["diloco", "adaptive", "signs"],
)
def test_all_sites_end_with_the_same_weights(
    base: Path, tmp_path: Path, strategy: str, topology: dict[str, Any]
) -> None:
    with village(tmp_path, base, topology, {}, strategy=strategy, epochs=8) as town:
        sites = [town.site(name).join().start() for name in "ab"]
        assert all_ended_alike(town)
        events = [site.events("step") for site in sites]
        assert float(events[0][-1]["loss"]) < float(events[0][0]["loss"])
        assert [site.refusals() for site in sites] == [[], []]
        traces = [(site.run_dir / "trace.jsonl").read_text() for site in sites]
        assert traces[0] != traces[1], "both learned from the same rows"


def test_a_site_killed_in_a_round_is_left_out_comes_back_and_ends_with_the_same_weights(
    base: Path, tmp_path: Path
) -> None:
    topology = {**COMPRESSED, "workers": 3, "local_steps": 20}
    rules = {"quorum": 2, "live_seconds": 2, "straggler_seconds": 2}
    spec = {"strategy": "dilocox", "epochs": 120, "checkpoint_steps": 15}
    with village(tmp_path, base, topology, rules, **spec) as town:
        _, cut_off, killed = (town.site(name).join().start() for name in "abc")
        wait_until(lambda: killed.sent(1), "c has sent round 1, and trains on in round 2")
        killed.kill()
        wait_until(lambda: town.closed(4), "the others go on without it")
        cut_off.courier.stop()  # b's line breaks: no round closes without c now
        killed.start()
        wait_until(lambda: any("02-1" in (town.closed(number) or []) for number in range(4, 12)), "c takes part again")
        cut_off.join()
        assert all_ended_alike(town)
        (resumed,) = killed.events("resumed")
        assert resumed["step"] > 0
        assert town.closed(1) == ["00-1", "01-1", "02-1"]
        assert town.closed(4) == ["00-1", "01-1"]


def test_a_site_that_joins_late_replays_the_closed_rounds_and_takes_part(base: Path, tmp_path: Path) -> None:
    rules = {"quorum": 1, "first_seconds": 0, "straggler_seconds": 20}
    topology = {**TOPOLOGY, "local_steps": 30}
    with village(tmp_path, base, topology, rules, strategy="diloco", epochs=60) as town:
        town.site("a").join().start()
        wait_until(lambda: town.closed(1), "a trains alone")
        late = town.site("b").join().start()
        assert all_ended_alike(town)
        steps = late.events("step")
        assert steps[0]["step"] > 30, "it trained what was over"
        assert town.closed(7) == ["00-1", "01-1"]


def test_what_a_liar_sends_is_left_out_by_name(base: Path, tmp_path: Path) -> None:
    topology = {**TOPOLOGY, "workers": 3}
    with village(tmp_path, base, topology, {}, strategy="diloco", epochs=18) as town:
        honest = [town.site(name).join().start() for name in "ab"]
        liar = Line(town.url, tickets.issue(ticket_of("c", 3), SECRET), None)
        assert liar.request("POST", "/join")[0] == 200
        for number, (changes, bend) in enumerate(
            [
                ({"start": "0" * 64}, lambda body: body),
                ({"rank": 3}, lambda body: body),
                ({}, lambda body: body[:-7]),
                ({}, lambda body: b"\x00\x00\xc0\x7f" + body[4:]),  # NaN
                ({}, lambda body: b"\x00\x00\x80\x7e" + body[4:]),  # 8e37
            ]
        ):
            wait_until(lambda number=number: honest[0].sent(number), "an honest member sends")
            path = honest[0].run_dir / "exchange" / "out" / f"{number:06d}.bin"
            header, body = payload.split(path.read_bytes())
            forged = payload.Header(**{**header.to_dict(), "member": "02-1", **changes})
            assert liar.request("PUT", f"/rounds/{number}", payload.join(forged, bend(body)))[0] == 200
        for nonsense in (b"", b"nonsense", payload.MAGIC + b"\xff\xff\xff\xff", path.read_bytes()):
            assert liar.request("PUT", "/rounds/5", nonsense)[0] == 400
        assert liar.request("POST", "/leave")[0] == 200
        liar.close()
        assert all_ended_alike(town)
        codes = ["start_differs", "pace_differs", "body_unusable", "body_unusable", "norm_out_of_bounds"]
        expected = [f'{{"code":"{code}","member":"02-1","round":{number}}}' for number, code in enumerate(codes)]
        assert [site.refusals() for site in town.sites] == [expected, expected]


@pytest.mark.parametrize(
    ("strategy", "topology"),
    [("diloco", TOPOLOGY), ("dilocox", {**SIGNS, "delay": 0})],
    ids=["diloco", "signs"],
)
def test_a_round_done_again_from_a_members_checkpoint_shows_who_trained_and_who_did_not(
    base: Path, tmp_path: Path, strategy: str, topology: dict[str, Any]
) -> None:
    with village(tmp_path, base, topology, {}, strategy=strategy, epochs=4, checkpoint_steps=5) as town:
        honest, other = (town.site(name).join().start() for name in "ab")
        kept = tmp_path / "kept"

        def keep() -> bool:
            for name in ("00000005", "00000010"):
                folder = honest.run_dir / "checkpoints" / name
                if (folder / "manifest.json").exists():
                    shutil.copytree(folder, kept / name)
                    return True
            return False

        wait_until(keep, "a checkpoint is written")
        assert all_ended_alike(town)
    (checkpoint,) = kept.iterdir()
    number = int(checkpoint.name) // TOPOLOGY["local_steps"]
    entries = {entry.member: entry for entry in Exchange(honest.run_dir, 2).entries(number)}
    sent, of_other = (Exchange(honest.run_dir, 2).payload(number, entries[site.member]) for site in (honest, other))
    assert recompute(honest.run_dir, checkpoint, sent, seconds=120).same
    claimed = payload.join(payload.split(sent)[0], payload.split(of_other)[1])
    verdict = recompute(honest.run_dir, checkpoint, claimed, seconds=120)
    assert not verdict.same
    assert (verdict.round, verdict.member) == (number, honest.member)
    with pytest.raises(NotRecomputed):
        recompute(other.run_dir, tmp_path / "nowhere", sent, seconds=5)
