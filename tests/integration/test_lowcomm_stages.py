"""Members among sites that are several processes with a stage of the model each: the same run as with whole ones."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.site_runs import PATIENCE_SECONDS, is_running, processes_of, site, started
from tests.integration.test_lowcomm_sites import COMPRESSED, all_ended_alike
from tests.integration.trainer_runs import SIZES, events_of, left_behind, make_base, make_run
from tests.testbed.sites import Site, village, wait_until
from training_jobs.exchange.recompute import recompute
from training_jobs.trainer.failures import PERMANENT_EXIT, STOPPED_EXIT
from training_jobs.trainer.lowcomm.exchange import Exchange
from training_jobs.trainer.site import _free_port

IN_STAGES = {**COMPRESSED, "stages": 2}
# Nobody is left out, however long the machine takes, so two runs have the same rounds.
TOGETHER = {"quorum": 2, "live_seconds": 300, "straggler_seconds": 300}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with dropout: a stage that forgets its random generator would end elsewhere."""
    return make_base(tmp_path_factory.mktemp("base"), attention_dropout=0.2)


def made_by_two(folder: Path, base: Path, start: Callable[[Site, Site], None]) -> list[dict[str, str]]:
    """Run two members in two stages each to the end; return what each of them left behind."""
    spec = {"strategy": "dilocox", "epochs": 6, "checkpoint_steps": 4, "gradient_clip": "0.5"}
    with village(folder, base, IN_STAGES, TOGETHER, **spec) as town:
        both = [town.site(name).join() for name in "ab"]
        start(*both)
        assert all_ended_alike(town)
        assert [site.refusals() for site in both] == [[], []]
        assert town.closed(3) == ["00-1", "01-1"]
        return [left_behind(site.run_dir) for site in both]


def undisturbed(one: Site, other: Site) -> None:
    for member in (one, other):
        member.start_in_stages()


def losing_a_stage_and_a_site(one: Site, other: Site) -> None:
    """Kill both where only they know of their progress since a checkpoint; no round is over, and none can end meanwhile."""
    other.courier.stop()
    undisturbed(one, other)
    wait_until(lambda: checkpoints(one) > 1, "the one has a checkpoint with a payload on its way")
    os.kill(processes(one)[1], signal.SIGKILL)
    assert one.ended() == 128 + signal.SIGKILL
    forget_payloads(one)
    one.start_in_stages()
    wait_until(lambda: checkpoints(other), "the other has a checkpoint")
    stages = processes(other)
    other.kill()
    wait_until(lambda: not any(map(is_running, stages)), "its stages are gone")
    forget_payloads(other)
    other.join().start_in_stages()


def forget_payloads(member: Site) -> None:
    """Make it have died before it wrote any: a round that ends with one of these would leave its member behind."""
    for path in (member.run_dir / "exchange" / "out").glob("*.bin"):
        path.unlink()


def checkpoints(member: Site) -> int:
    return len(member.events("checkpoint"))


def processes(member: Site) -> list[int]:
    assert member.process is not None
    return processes_of(member.process.pid)


def test_two_sites_in_stages_that_are_killed_make_the_bytes_of_an_undisturbed_run(base: Path, tmp_path: Path) -> None:
    expected = made_by_two(tmp_path / "whole", base, undisturbed)
    assert made_by_two(tmp_path / "broken", base, losing_a_stage_and_a_site) == expected


def test_a_site_in_stages_and_a_whole_one_that_begins_with_its_checkpoint_end_alike(base: Path, tmp_path: Path) -> None:
    spec = {"strategy": "dilocox", "epochs": 12, "checkpoint_steps": 4}
    with village(tmp_path, base, IN_STAGES, {"quorum": 1, "first_seconds": 1}, **spec) as town:
        lead = town.site("a").join().start_in_stages()
        lead.courier.stop()  # its line is broken, so it waits for round 0 at the end of round 1
        wait_until((lead.run_dir / "exchange" / "waiting").exists, "it waits")
        assert lead.process is not None
        lead.process.terminate()
        assert lead.ended() == STOPPED_EXIT
        assert lead.events("stopped")[-1]["step"] == 12
        kept = shutil.copytree(lead.run_dir / "checkpoints", tmp_path / "kept")

        lead.join().start_in_stages()
        late = town.site("b")
        shutil.copytree(kept, late.run_dir / "checkpoints")
        late.join().start_whole()
        assert all_ended_alike(town)
        assert (lead.refusals(), late.refusals()) == ([], [])
        assert [site.events("resumed")[0]["step"] for site in (lead, late)] == [8, 8]
        assert town.closed(5) == ["00-1", "01-1"]

    # Whoever checks the one in stages does its round in stages again.
    exchange = Exchange(lead.run_dir, 2)
    (sent,) = [exchange.payload(1, entry) for entry in exchange.entries(1) if entry.member == lead.member]
    assert recompute(lead.run_dir, kept / "00000008", sent, seconds=120).same


def alone(base: Path, run_dir: Path, stages: int) -> Path:
    """Lay out a member that has met nobody yet."""
    run_dir = make_run(base, run_dir, strategy="dilocox", topology={**IN_STAGES, "stages": stages})
    (run_dir / "exchange").mkdir()
    place = {"member": "00-1", "workers": 2, "slot": 0, "round": 0}
    (run_dir / "exchange" / "member.json").write_text(json.dumps(place))
    return run_dir


def test_more_stages_than_layers_are_a_failure_for_good(base: Path, tmp_path: Path) -> None:
    run_dir = alone(base, tmp_path / "run", stages=3)
    assert site(run_dir).wait(PATIENCE_SECONDS) == PERMANENT_EXIT
    last = events_of(run_dir)[-1]
    assert (last["event"], last["code"], last["permanent"]) == ("failed", "pipeline_not_supported", True)
    assert "2 layers for 3 stages" in last["detail"]


def test_what_each_stage_holds(tmp_path: Path) -> None:
    """Of four layers with embeddings of their own each holds its part; the first also the whole outer state."""
    sizes: dict[str, Any] = {**SIZES, "hidden_size": 64, "num_hidden_layers": 4, "tie_word_embeddings": False}
    base = make_base(tmp_path / "base", sizes=sizes)
    whole = (base / "model.safetensors").stat().st_size
    run_dir = alone(base, tmp_path / "run", stages=2)
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    stages = [
        started(
            "tests.integration._site_memory",
            run_dir,
            tmp_path / f"{rank}.json",
            **together,
            RANK=str(rank),
            LOCAL_RANK=str(rank),
        )
        for rank in range(2)
    ]
    assert [stage.wait(PATIENCE_SECONDS) for stage in stages] == [0, 0]
    for rank, outer in ((0, 2.0), (1, 0.0)):  # global weights and momentum
        held = json.loads((tmp_path / f"{rank}.json").read_text())
        assert held["weights"] <= 0.7 * whole
        assert held["moments"] <= 1.4 * whole
        assert 0.2 * whole <= held["remembered"] - outer * whole <= 0.7 * whole, "the errors of its own layers"
