"""Where keys, tokens and passwords stand in a text. Pure; shared by the scan of datasets and the masking of excerpts.

Two ways: the prefixes by which services mark their keys, and random-looking text beside a word such as "password".
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

from models_registry.datasets.scans.base import Span

# Each with a text that it always holds: looking for that first is much quicker than searching for the pattern.
_KEYS = (
    ("Hugging Face token", "hf_", re.compile(r"\bhf_[A-Za-z0-9]{20,}")),
    ("GitHub token", "gh", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})")),
    ("GitLab token", "glpat-", re.compile(r"\bglpat-[A-Za-z0-9_\-]{20,}")),
    ("AWS key", "IA", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("API key", "sk-", re.compile(r"\bsk-[A-Za-z0-9_\-]{20,}")),
    ("API key", "k_live_", re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}")),
    ("API key", "AIza", re.compile(r"\bAIza[A-Za-z0-9_\-]{35}")),
    ("API key", "SG.", re.compile(r"\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}")),
    ("Slack token", "xox", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}")),
    ("package token", "npm_", re.compile(r"\bnpm_[A-Za-z0-9]{30,}")),
    ("package token", "pypi-", re.compile(r"\bpypi-[A-Za-z0-9_\-]{30,}")),
    ("web token", "eyJ", re.compile(r"\beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*")),
    ("private key", "0x", re.compile(r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{64}(?![0-9A-Za-z])")),
    (
        "private key",
        "-----BEGIN",
        re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s]{0,8000}(?:-----END)?"),
    ),
    ("password in an address", "://", re.compile(r"\b[a-z][a-z0-9+.\-]{1,15}://[^\s:/@]{1,64}:([^\s/@]{3,128})@")),
)
_NAMED = re.compile(
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|api[ _\-]?key|access[ _\-]?key|token|credential|private[ _\-]?key"
    r"|mot de passe|mdp|cl[ée] (?:api|secr[èe]te|d.acc[èe]s)|jeton|code secret)"
    r"[\"'`]?(?: is| est)?\s{0,3}[:=]?\s{0,3}[\"'`«“]?\s?([^\s\"'`»”,;]{8,128})",
    re.IGNORECASE,
)
_MENTIONED = re.compile(r"pass|pwd|secret|key|token|credential|mdp|cl[ée] |jeton", re.IGNORECASE)
ENTROPY_BITS_MIN = 2.8


def spans(plain: str) -> Iterator[Span]:
    """Yield secrets in `plain`, a text already without invisible characters and full-width letters."""
    taken: list[tuple[int, int]] = []
    for kind, mark, pattern in _KEYS:
        if mark in plain:
            for match in pattern.finditer(plain):
                start, end = match.span(pattern.groups)
                taken.append((start, end))
                yield Span(start, end, kind)
    if _MENTIONED.search(plain):
        for match in _NAMED.finditer(plain):
            start, end = match.span(1)
            if is_random(match.group(1)) and not any(start < last and first < end for first, last in taken):
                yield Span(start, end, "password or key")


def is_random(text: str) -> bool:
    """Say whether `text` looks drawn by lot: letters and digits mixed, and few characters more frequent than others.

    The entropy is Shannon's, of the characters in the text itself, in bits.
    """
    text = text.rstrip(".!?)")
    if not (any(map(str.isdigit, text)) and any(map(str.isalpha, text))):
        return False
    entropy = -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
    return entropy >= ENTROPY_BITS_MIN
