"""What the tests of provenance share: a true release, built once."""

import shutil
from pathlib import Path

import pytest

from tests.simulators import golden_bundle


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a true release; nobody changes it."""
    folder = tmp_path_factory.mktemp("golden") / "release"
    golden_bundle.build(folder)
    return folder


@pytest.fixture
def release(golden: Path, tmp_path: Path) -> Path:
    """Return a copy of a true release, to be attacked."""
    return Path(shutil.copytree(golden, tmp_path / "release"))
