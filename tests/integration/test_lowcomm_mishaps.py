"""Members that are slow, and members that all died at once: the run goes on, and everybody ends with the same weights."""

import json
import shutil
from pathlib import Path

import pytest

from tests.integration.test_lowcomm_sites import COMPRESSED, TOPOLOGY, all_ended_alike, base  # noqa: F401 - a fixture
from tests.testbed.sites import RUN, Village, village, wait_until
from training_jobs.exchange import payload

ROUND_STEPS = 60


def headers(town: Village, number: int) -> dict[str, payload.Header]:
    """Return what the payloads of a closed round say of themselves, by member."""
    folder = town.folder / "relay" / RUN / "rounds" / f"{number:06d}"
    record = json.loads((folder / "round.json").read_bytes())
    found = [payload.split((folder / f"{entry['sha256']}.bin").read_bytes())[0] for entry in record["members"]]
    return {header.member: header for header in found}


@pytest.mark.parametrize("topology", [TOPOLOGY, COMPRESSED], ids=["diloco", "dilocox"])
def test_a_slow_member_takes_fewer_steps_and_takes_part(base: Path, tmp_path: Path, topology: dict) -> None:  # noqa: F811
    rules = {"quorum": 1, "straggler_seconds": 1.0}
    spec = {"strategy": "dilocox" if topology["delay"] else "diloco", "epochs": 45}
    with village(tmp_path, base, {**topology, "local_steps": 15}, rules, **spec) as town:
        town.site("a").join().start()
        slow = town.site("b").join().start_slow(0.3)
        assert all_ended_alike(town)
        rounds = [headers(town, number) for number in range(12)]
        assert any(slow.member not in found for found in rounds), "at first it was left out"
        shorter = [found[slow.member].steps for found in rounds if slow.member in found]
        assert min(shorter) < 15
        assert all(found["00-1"].steps == 15 for found in rounds)
        with_it = [number for number, found in enumerate(rounds) if slow.member in found]
        assert len(with_it) >= 3, f"it was in rounds {with_it} only"


def test_after_all_died_beyond_a_round_that_nobody_has_they_do_not_wait_for_it_for_ever(
    base: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    spec = {"strategy": "dilocox", "epochs": 75, "checkpoint_steps": 5}
    topology = {**COMPRESSED, "local_steps": ROUND_STEPS}
    with village(tmp_path, base, topology, {"quorum": 2, "first_seconds": 2}, **spec) as town:
        # So slow that no round ends between what is seen here and what is done about it.
        both = [town.site(name).join().start_slow(0.03) for name in "ab"]
        wait_until(lambda: all(has_closed(site.run_dir, 1) for site in both), "the run is on its way")
        for site in both:
            site.courier.stop()
        lead = both[0]
        wait_until(lambda: all(has_gone_beyond(site.run_dir, 2) for site in both), "round 2 was sent into nothing")
        assert town.closed(2) is None
        for site in both:
            site.kill()
        town.sites.clear()
        for name in "ab":
            again = town.site(name, fence=2)
            shutil.copytree(lead.run_dir / "checkpoints", again.run_dir / "checkpoints")
        leading, following = town.sites
        leading.join().start()
        at_relay = tmp_path / "relay" / RUN / "rounds" / "000002"
        wait_until(lambda: list(at_relay.glob("*.bin")), "the lead sends again what was on its way")
        following.join().start()
        assert all_ended_alike(town)
        assert town.closed(2) == ["00-2"], "the lead sent it again, and the member never had it"
        assert town.closed(3) == ["00-2", "01-2"]


def has_closed(run_dir: Path, number: int) -> bool:
    return (run_dir / "exchange" / "rounds" / f"{number:06d}" / "round.json").exists()


def has_gone_beyond(run_dir: Path, number: int) -> bool:
    """Say whether all checkpoints lie in the round after this one."""
    steps = [int(path.parent.name) for path in (run_dir / "checkpoints").glob("[0-9]*/manifest.json")]
    return len(steps) > 1 and min(steps) > (number + 1) * ROUND_STEPS
