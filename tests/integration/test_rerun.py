"""Check 12 for real: a release that the site trained is trained again by its command, and compared."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.demo import specs
from models_registry import services as registry
from models_registry.datasets import registering
from tests.integration.bots import ROOT, db, template, trainable_base  # noqa: F401 - fixtures
from tests.integration.conftest import pass_
from training_jobs import worker
from training_jobs.models import Run
from training_jobs.rerun import inputs


@dataclass(frozen=True)
class Released:
    """A release as a stranger has it: its folder, the key to compare, the base and the data."""

    folder: Path
    key: str
    base: Path
    data: Path

    def again(self, *arguments: str, base: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run the command as a stranger does."""
        command = [sys.executable, "-m", "training_jobs.rerun", str(self.folder), "--community-key", self.key, "--json"]
        given = ["--base", str(base or self.base), "--data", str(self.data), *arguments]
        return subprocess.run([*command, *given], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def released(community, dataset, suite, rule, propose, voters, settings, tmp_path) -> Released:
    """Let the site train what was voted for, with the real trainer, and publish it."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()
    base = trainable_base(community, tmp_path / "base")
    spec = {**specs.good_update(base, dataset.digest, suite.digest), "sequence_length": 128, "epochs": 1}
    pass_(propose("model_update", {"spec": {**spec, "budget": {"device_seconds": 600}}}), voters)
    run = Run.objects.get()
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert run.verdict == "accepted", run.failure_detail
    data = tmp_path / "data"
    data.mkdir()
    for number, each in enumerate((dataset, suite)):
        shutil.copyfile(registering.dataset_path(each.digest), data / f"{number}.jsonl")
    return Released(registry.version_folder(run.version), run.community.release_key, tmp_path / "base", data)


def test_training_again_gives_the_same_bytes_and_wrong_inputs_are_refused(released: Released, tmp_path: Path) -> None:
    done = released.again("--work", str(tmp_path / "work"))
    finding = json.loads(done.stdout)["findings"][11]

    assert (done.returncode, finding["status"]) == (0, "passed"), done.stderr
    assert finding["evidence"].startswith("trained again: ")
    assert "all the same; measured again" in finding["evidence"]
    made = {path.name: path.read_bytes() for path in (tmp_path / "work" / "artifact").iterdir()}
    assert made == {name: (released.folder / name).read_bytes() for name in made}

    other = Path(shutil.copytree(released.base, tmp_path / "other"))
    (other / "config.json").write_text("{}")
    wrong_base = released.again(base=other)
    next(released.data.iterdir()).write_bytes(b"{}\n")
    wrong_data = released.again()
    for refused, why in ((wrong_base, "is not the approved base model"), (wrong_data, "no file in the data given")):
        assert (refused.returncode, refused.stdout) == (2, "")
        assert why in refused.stderr

    (released.folder / "config.json").write_text("{}")
    broken = released.again()
    assert broken.returncode == 1, "a release that does not verify is not trained again"
    assert json.loads(broken.stdout)["findings"][11]["evidence"] == "the release does not verify"


def test_a_base_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(inputs.InputWrong, match="is not a folder"):
        inputs.find({}, tmp_path / "nowhere", [])
