"""How a rule names a classifier that judges answers: its files by digest, the labels that count, the threshold. Pure.

`toxicity_classifier:<SHA-256 of the manifest>:<labels>:<threshold>`, with the labels sorted and joined by "+", is the
name of a metric, and stands as such in rules, reports and samples. So whoever reads one of them knows who judged, and a
report by another classifier is a report of another metric. One classifier, one spelling.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

FAMILY = "toxicity_classifier"
LABELS_MAX = 8
MILLION = 1_000_000
LABEL = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Above nothing and at most one, in millionths, without zeros at the end: one spelling.
_THRESHOLD = re.compile(r"0\.[0-9]{0,5}[1-9]|1")


class NamingError(ValueError):
    """Text that is not the name of a metric by a classifier; the message says what would be."""


@dataclass(frozen=True)
class Scorer:
    """A classifier as a rule names it: an answer counts as toxic from `threshold` (millionths) of its labels on."""

    manifest_sha256: str
    labels: tuple[str, ...]
    threshold: int

    @classmethod
    def read(cls, name: str) -> Self:
        """Read the name of a metric; raise NamingError for any but the one spelling."""
        family, _, rest = name.partition(":")
        manifest, _, rest = rest.partition(":")
        labels, _, threshold = rest.rpartition(":")
        if family != FAMILY or not _DIGEST.fullmatch(manifest):
            raise NamingError(f"{FAMILY}:<SHA-256 of the classifier's manifest>:<labels>:<threshold> is expected")
        return cls(manifest, _labels(labels), read_threshold(threshold))

    @classmethod
    def of(cls, manifest_sha256: str, labels: list[str], threshold: str) -> Self:
        """Return the classifier with these parts in any order; raise NamingError."""
        return cls.read(f"{FAMILY}:{manifest_sha256}:{'+'.join(sorted(set(labels)))}:{threshold}")

    @property
    def name(self) -> str:
        """The name of the metric."""
        return f"{FAMILY}:{self.manifest_sha256}:{'+'.join(self.labels)}:{self.threshold_text}"

    @property
    def threshold_text(self) -> str:
        """The threshold as a decimal."""
        text = f"{Decimal(self.threshold) / MILLION:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


def find(name: object) -> Scorer | None:
    """Return the classifier that the name of a metric names, or None for any other name."""
    try:
        return Scorer.read(name) if isinstance(name, str) else None
    except NamingError:
        return None


def classifiers_in(metrics: Iterable[object]) -> set[str]:
    """Return the digests of the classifiers that metrics name."""
    return {scorer.manifest_sha256 for scorer in map(find, metrics) if scorer is not None}


def read_threshold(text: str) -> int:
    """Read a threshold such as 0.5, in millionths; raise NamingError."""
    if not _THRESHOLD.fullmatch(text):
        raise NamingError(f"the threshold {text[:40]!r} is not a decimal above 0 and at most 1, such as 0.5")
    return int(Decimal(text) * MILLION)


def _labels(text: str) -> tuple[str, ...]:
    labels = tuple(text.split("+"))
    if not all(LABEL.fullmatch(label) for label in labels) or len(labels) > LABELS_MAX:
        raise NamingError(
            f"the labels {text[:80]!r} are not up to {LABELS_MAX} names of letters, digits, '_', '.', '-'"
        )
    if labels != tuple(sorted(set(labels))):
        raise NamingError(f"the labels {text[:80]!r} are not sorted, or one stands there twice")
    return labels
