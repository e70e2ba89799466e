"""Every single byte of a small release, flipped one after the other: each flip must be found. A minute.

Of releases whose votes were sealed or taken by a Governor, bytes all along what is other there.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from governance.evidence.record import Record
from models_registry.provenance.verify import check
from tests.simulators import golden_bundle, golden_modes
from tests.simulators.attacks import CONSISTENCY, PROVENANCE
from tests.simulators.golden_bundle import Story

FILES = (
    "model.safetensors",
    "config.json",
    "README.md",
    "LICENSE",
    *(f"provenance/{name}" for name in PROVENANCE),
)
SLICES = 4
FLIPS = 100


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


@pytest.mark.parametrize("name", ["records.jsonl", "ballots.jsonl"])
@pytest.mark.parametrize("story", [golden_modes.sealed_story, golden_modes.contract_story])
def test_no_byte_of_a_sealed_or_contract_vote_can_change_unnoticed(
    tmp_path: Path, story: Callable[[], Story], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Record, "from_bytes", lru_cache(maxsize=256)(Record.from_bytes))
    golden_bundle.build(tmp_path, story())
    assert check(tmp_path, CONSISTENCY).ok
    path = tmp_path / "provenance" / name
    whole = path.read_bytes()
    step = max(1, len(whole) // FLIPS) | 1  # odd, so that the bit moves, too
    for place in range(0, len(whole), step):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        assert not check(tmp_path, CONSISTENCY).ok, f"{name} byte {place}"
