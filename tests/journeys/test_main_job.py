"""The main job from the newcomer's command, on the parts of a larger installation: PostgreSQL and Redis."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.services import free_port, postgresql, redis

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 600

pytestmark = [pytest.mark.journey, pytest.mark.postgres]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The demo, run once on PostgreSQL and Redis."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    with postgresql() as database, redis() as broker:
        environment = {
            **os.environ,
            "COMMONWEIGHTS_DATABASE": database,
            "COMMONWEIGHTS_BROKER": broker,
            "COMMONWEIGHTS_DEMO_FOLDER": str(folder),
            "PYTHONPATH": str(ROOT),
        }
        yield subprocess.run(
            # A port of its own: the one that the demo finds free, another demo that starts now finds free as well.
            [sys.executable, "-m", "config.demo", "--once", "--port", str(free_port())],
            cwd=ROOT,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
        )


@pytest.fixture(scope="module")
def result(finished):
    """The JSON object on the last line."""
    assert finished.returncode == 0, finished.stdout[-4000:] + finished.stderr[-4000:]
    return json.loads(finished.stdout.splitlines()[-1])


def test_the_last_line_says_what_was_made(result):
    holds = {"verified", "recounted"}
    assert set(result) == {"release", "accepted_run", "rejected_run", "seconds", "places", *holds}
    assert all(result[name] is True for name in holds)
    by_contract, in_secret, together, asked = result["places"]
    assert by_contract.startswith("/c/weir-keepers/proposals/")
    assert in_secret.startswith("/c/seed-library/proposals/")
    assert together.endswith("/wallets/")
    assert asked.startswith("/c/water-commons/consultations/")
    assert result["accepted_run"] != result["rejected_run"]
    assert (Path(result["release"]) / "model.safetensors").is_file()


def test_the_update_improves_the_model_and_the_rejected_one_breaks_the_rule(finished, result):
    lines = finished.stdout
    assert f"run {result['accepted_run']} is accepted" in lines
    assert f"run {result['rejected_run']}: rule equal-service is broken" in lines


def test_a_poll_is_decided_by_ranking_with_a_lent_vote_and_its_receipt_says_counted(finished, result):
    lines = finished.stdout
    assert "“Wells and their depth” wins in round 3, though another choice led at first" in lines
    assert "1 of 1 delegations hold" in lines
    assert "Counted: this ballot is in the tally, and both are in the signed log." in lines


def test_the_runs_were_computed_at_the_site_that_the_vote_let_in(finished):
    assert "the mill is let in and measured" in finished.stdout


def verify(release):
    return subprocess.run(
        [sys.executable, "-m", "models_registry.provenance", "verify", str(release), "--json", "--consistency-only"],
        cwd="/",
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def sound(result):
    """The release, which a stranger finds in order: what is found in a changed copy of it is the change."""
    release = Path(result["release"])
    assert verify(release).returncode == 0
    return release


ATTACKS = {
    "swapped weights": lambda release: flip(release / "model.safetensors", -1),
    "changed card": lambda release: append(release / "README.md", b"!"),
    "dropped ballot": lambda release: drop_line(release / "provenance" / "ballots.jsonl", 0),
    "altered ballot": lambda release: replace(release / "provenance" / "ballots.jsonl", b'"choice":1', b'"choice":0'),
    "raised power": lambda release: replace(release / "provenance" / "census.jsonl", b'"power":"4', b'"power":"5'),
    "dropped member": lambda release: drop_line(release / "provenance" / "census.jsonl", 0),
    "softer rules": lambda release: replace(
        release / "provenance" / "records.jsonl", b'"quorum_bps":2000', b'"quorum_bps":1000'
    ),
    "shortened timelock": lambda release: replace(
        release / "provenance" / "records.jsonl", b'"timelock_seconds":2', b'"timelock_seconds":0'
    ),
    "swapped spec": lambda release: replace(release / "provenance" / "records.jsonl", b'"seed":', b'"seed":1'),
    "extra file": lambda release: append(release / "extra.txt", b"hello"),
    "missing statement": lambda release: (release / "provenance" / "statement.json").unlink(),
}


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    rewrite(path, bytes(data))


def append(path, data):
    rewrite(path, (path.read_bytes() if path.exists() else b"") + data)


def drop_line(path, index):
    lines = path.read_bytes().splitlines(keepends=True)
    rewrite(path, b"".join(lines[:index] + lines[index + 1 :]))


def replace(path, old, new):
    data = path.read_bytes()
    assert old in data
    rewrite(path, data.replace(old, new, 1))


def rewrite(path, data):
    path.unlink(missing_ok=True)
    path.write_bytes(data)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_stranger_notices_every_change(sound, tmp_path, attack):
    copy = shutil.copytree(sound, tmp_path / "release")
    attack(copy)
    found = verify(copy)
    assert found.returncode == 1
    failed = [finding for finding in json.loads(found.stdout)["findings"] if finding["status"] == "failed"]
    assert failed
