"""Every single byte of a small release, flipped one after the other: each flip must be found. A minute."""

from functools import lru_cache
from pathlib import Path

import pytest

from governance.evidence.record import Record
from models_registry.provenance.verify import check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, PROVENANCE

FILES = (
    "model.safetensors",
    "config.json",
    "README.md",
    "LICENSE",
    *(f"provenance/{name}" for name in PROVENANCE),
)
SLICES = 4


@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.parametrize("name", FILES)
def test_no_byte_can_change_unnoticed(tmp_path: Path, name: str, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # A line that is as it was reads as it did: only what is flipped is read anew.
    monkeypatch.setattr(Record, "from_bytes", lru_cache(maxsize=256)(Record.from_bytes))
    golden_bundle.build(tmp_path, golden_bundle.plain_story())
    assert check(tmp_path, CONSISTENCY).ok
    path = tmp_path / name
    whole = path.read_bytes()
    for place in range(part, len(whole), SLICES):
        flipped = bytearray(whole)
        # The bit moves with the place, so that every bit of a byte is tried somewhere.
        flipped[place] ^= 1 << (place // SLICES % 8)
        path.write_bytes(flipped)
        assert not check(tmp_path, CONSISTENCY).ok, f"{name} byte {place}"
