"""The verifier that installs alone: what is in its wheel, and that it verifies where nothing else is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest

from config.verifier_wheel.__main__ import PROGRAM, ROOT, build
from config.verifier_wheel.collect import Needed, needed_by
from governance.evidence.signing import fingerprint
from models_registry.provenance.report import VERSION
from tests.simulators import golden_bundle
from tests.simulators.golden_bundle import KeySigner

FINGERPRINT = fingerprint(KeySigner(7).public_key_hex)
KILOBYTES_MAX = 250
PACKAGES = {"coincurve", "cryptography", "rfc8785", "safe-pysha3"}
NEVER_LOADED = {
    "socket",
    "ssl",
    "http.client",
    "urllib.request",
    "asyncio",
    "sqlite3",
    "django",
    "numpy",
    "torch",
    "web3",
}


@pytest.fixture(scope="module")
def needed() -> Needed:
    return needed_by(PROGRAM, ROOT)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden") / "release"
    golden_bundle.build(folder)
    return folder


@pytest.fixture(scope="module")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment that holds the wheel and what its metadata asks for, and nothing else."""
    place = tmp_path_factory.mktemp("alone") / "venv"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    (packages,) = place.glob("lib/python*/site-packages")
    for name in closure(asked_for(wheel)):
        for entry in {file.parts[0] for file in distribution(name).files or ()} - {"..", "__pycache__"}:
            (packages / entry).symlink_to(distribution(name).locate_file(entry))
    # pip of this environment, working for that one: quick, and no index is asked.
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*install, "--disable-pip-version-check", str(wheel)], check=True, capture_output=True)
    return place / "bin"


def asked_for(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"commonweights_verify-{VERSION}.dist-info/METADATA").decode()
    return re.findall(r"^Requires-Dist: ([\w.-]+)", metadata, re.MULTILINE)


def closure(names: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needs = (need for need in requires(name) or [] if "extra ==" not in need)
            waiting += [match[0] for need in needs if applies(need) and (match := re.match(r"[\w.-]+", need))]
    return found


def applies(requirement: str) -> bool:
    from packaging.requirements import Requirement

    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate({"extra": ""})


def run(program: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO"))}
    return subprocess.run([str(program), *arguments], cwd=cwd, env=bare, capture_output=True, text=True, check=False)


def test_everything_that_a_verification_loads_is_collected_and_nothing_of_a_framework(
    needed: Needed, golden: Path
) -> None:
    code = (
        "import sys\n"
        "from models_registry.provenance.__main__ import main\n"
        f"status = main(['verify', {str(golden)!r}, '--community-key', {FINGERPRINT!r}, '--html', '/dev/null'])\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    loaded = set(done.stderr.split())

    assert done.returncode == 0, done.stderr
    ours = {
        name
        for name in loaded
        if name.partition(".")[0] in {"governance", "models_registry", "training_jobs", "config"}
    }
    assert ours <= needed.modules.keys()
    assert loaded & NEVER_LOADED == set(), "an offline check opens no connection and needs no framework"


def test_it_needs_four_packages_of_others(needed: Needed, wheel: Path) -> None:
    assert needed.packages == {"coincurve", "cryptography", "rfc8785", "sha3"}
    assert set(asked_for(wheel)) == PACKAGES


def test_the_wheel_holds_exactly_what_was_collected_and_is_small(needed: Needed, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        readme = archive.read(f"commonweights_verify-{VERSION}.dist-info/METADATA").decode()

    assert names == {str(path.relative_to(ROOT)) for path in needed.modules.values()}
    assert wheel.name == f"commonweights_verify-{VERSION}-py3-none-any.whl"
    assert wheel.stat().st_size < KILOBYTES_MAX * 1000
    assert f"{len(needed.modules)} modules in Python" in readme
    assert all(f"- `{package}>=" in readme for package in PACKAGES)


def test_the_same_sources_give_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    assert build(tmp_path).read_bytes() == wheel.read_bytes()


def test_the_installed_command_verifies_in_another_folder_without_the_platform(
    alone: Path, golden: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    done = run(
        alone / "commonweights-verify",
        str(golden),
        *("--community-key", FINGERPRINT, "--json", "--html", str(page)),
        cwd=tmp_path,
    )
    report = json.loads(done.stdout)

    assert (done.returncode, report["verified"]) == (0, True), done.stderr
    assert report["tool"] == {"name": "commonweights-verify", "version": VERSION}
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert run(alone / "python", "-c", "import django", cwd=tmp_path).returncode == 1
    assert run(alone / "commonweights-verify", str(golden), cwd=tmp_path).returncode == 2, "nobody is trusted"


def test_the_installed_command_finds_a_changed_file_and_asks_a_node_only_when_told(
    alone: Path, golden: Path, tmp_path: Path
) -> None:
    command = alone / "commonweights-verify"
    silent = run(command, str(golden), "--consistency-only", "--rpc", "http://127.0.0.1:9/", cwd=tmp_path)
    changed = shutil.copytree(golden, tmp_path / "release")
    golden_bundle.write_model(changed, (9.0, 9.0))

    assert (silent.returncode, "no answer from 127.0.0.1" in silent.stdout) == (3, True), silent.stderr
    assert run(command, str(changed), "--consistency-only", cwd=tmp_path).returncode == 1
