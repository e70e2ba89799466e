"""The scans of a dataset as pages show them: what was found first, with samples that a voter can read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import template

from frontend.words.base import Text
from frontend.words.scans import BLIND, FOUND, SCANS, sentence
from models_registry import metrics
from models_registry.datasets.scans import SCANS as TABLE
from models_registry.models import Dataset

register = template.Library()


@dataclass(frozen=True)
class ShownScan:
    """One scan in words. `sentence` says what it found, `detail` the same in English, as it was recorded."""

    name: str
    label: Text
    says: Text
    blind: Text
    passed: bool
    unfinished: bool
    blocks: bool
    found: int
    sentence: str
    detail: str
    kinds: list[tuple[Text, int]]
    samples: list[dict[str, Any]]


@dataclass(frozen=True)
class ShownScans:
    """The scans that were not finished, those that found something (first those that block), and the others."""

    unfinished: list[ShownScan]
    found: list[ShownScan]
    clean: list[ShownScan]

    @property
    def blocking(self) -> bool:
        """Say whether a finding forbids inclusion."""
        return any(scan.blocks for scan in self.found)


@register.simple_tag
def scans_of(dataset: Dataset) -> ShownScans:
    """Return what the scans found (`{% scans_of dataset as scans %}`)."""
    shown = [_shown(result) for result in dataset.scans]
    unfinished = [scan for scan in shown if scan.unfinished]
    found = sorted(
        (scan for scan in shown if not scan.passed and not scan.unfinished), key=lambda scan: not scan.blocks
    )
    return ShownScans(unfinished, found, [scan for scan in shown if scan.passed])


def _shown(result: Mapping[str, Any]) -> ShownScan:
    name = str(result["scan"])
    scan, word = TABLE.get(name), SCANS.get(name)
    return ShownScan(
        name=name,
        label=word.label if word else scan.label if scan else name.replace("_", " ").capitalize(),
        says=word.says if word else scan.description if scan else "",
        blind=BLIND.get(name) or (scan.blind_to if scan else ""),
        passed=result["passed"],
        unfinished=bool(result.get("unfinished")),
        blocks=result["blocks"],
        found=result["found"],
        sentence=sentence(result),
        detail=result["detail"],
        kinds=[(FOUND.get(kind, kind), count) for kind, count in sorted(result.get("kinds", {}).items())],
        samples=[{**sample, "what": FOUND.get(sample["what"], sample["what"])} for sample in result.get("samples", ())],
    )


@register.filter
def blind_to(metric: str) -> str:
    """Return what a metric cannot see; nothing for a name that nothing measures."""
    found = metrics.find(metric)
    return str(found.blind_to) if found else ""
