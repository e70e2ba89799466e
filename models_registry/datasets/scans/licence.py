"""The declared licence is one under which a community may train and publish openly.

The declaration is an SPDX licence expression (annex D of SPDX 2.3): identifiers joined by AND and OR, with brackets;
AND binds closer. All that AND joins has to be allowed, one side of an OR is enough. The declaration is checked, not the
truth of it: nobody can tell from the rows who wrote them. A table for orientation, not legal advice.
"""

import re

from models_registry.datasets.scans.base import Context, Findings, Rows, Sample, Scan

FREE, ATTRIBUTION, SHARE_ALIKE = "free", "attribution", "share-alike"
# SPDX identifiers that fit an open commons, with what each asks of those who pass the data on.
# Left out on purpose: "NC" and "ND" licences (they forbid uses or derived works), and unknown terms.
TERMS: dict[str, str] = {
    "Apache-2.0": ATTRIBUTION,
    "BSD-3-Clause": ATTRIBUTION,
    "CC-BY-3.0": ATTRIBUTION,
    "CC-BY-4.0": ATTRIBUTION,
    "CC-BY-SA-4.0": SHARE_ALIKE,
    "CC0-1.0": FREE,
    "CDLA-Permissive-2.0": ATTRIBUTION,
    "CDLA-Sharing-1.0": SHARE_ALIKE,
    "etalab-2.0": ATTRIBUTION,
    "MIT": ATTRIBUTION,
    "ODbL-1.0": SHARE_ALIKE,
    "ODC-By-1.0": ATTRIBUTION,
    "PDDL-1.0": FREE,
}
ALLOWED = frozenset(TERMS)
# Each way to comply is a set of licences that all hold at once.
Ways = frozenset[frozenset[str]]
WAYS_MAX, PARTS_MAX = 64, 100
_TOKENS = re.compile(r"\(|\)|[A-Za-z0-9.\-+:]+|\S")
_IDENTIFIER = re.compile(r"[A-Za-z0-9.\-+:]+")
_CHARACTERS_SHOWN = 80


class NotAnExpression(ValueError):
    """The text is not an SPDX licence expression; the message says where it ends to be one."""


def ways_to_comply(expression: str) -> Ways:
    """Return the choices that an expression leaves: the sets of licences of which one has to be kept as a whole."""
    tokens = _TOKENS.findall(expression)
    if len(tokens) > PARTS_MAX:
        raise NotAnExpression(tokens[PARTS_MAX])
    ways, left = _either(tokens)
    if left:
        raise NotAnExpression(left[0])
    return ways


def _either(tokens: list[str]) -> tuple[Ways, list[str]]:
    ways, left = _both(tokens)
    while left and left[0] == "OR":
        more, left = _both(left[1:])
        ways |= more
    return ways, left


def _both(tokens: list[str]) -> tuple[Ways, list[str]]:
    ways, left = _one(tokens)
    while left and left[0] == "AND":
        more, left = _one(left[1:])
        if len(ways) * len(more) > WAYS_MAX:
            raise NotAnExpression("too many choices")
        ways = frozenset(way | other for way in ways for other in more)
    return ways, left


def _one(tokens: list[str]) -> tuple[Ways, list[str]]:
    if not tokens:
        raise NotAnExpression("the end")
    first, *left = tokens
    if first == "(":
        ways, left = _either(left)
        if not left or left[0] != ")":
            raise NotAnExpression(left[0] if left else "the end")
        return ways, left[1:]
    if first in {"AND", "OR", "WITH"} or not _IDENTIFIER.fullmatch(first):
        raise NotAnExpression(first)
    return frozenset({frozenset({first})}), left


def allowed_ways(expression: str) -> list[frozenset[str]]:
    """Return the ways to comply that hold allowed licences only, the simplest first; none for what cannot be read."""
    try:
        ways = ways_to_comply(expression)
    except NotAnExpression:
        return []
    return sorted((way for way in ways if way <= ALLOWED), key=lambda way: (len(way), sorted(way)))


def search(_rows: Rows, context: Context) -> Findings:
    """Compare the declared expression with the licences that fit an open commons."""
    ways = allowed_ways(context.licence)
    if ways:
        kept = " + ".join(sorted(ways[0]))
        return Findings(0, "licence_allows", {"licence": context.licence, "kept": kept})
    if not context.licence:
        return _refused("licence_missing", "no licence", "")
    shown = context.licence[:_CHARACTERS_SHOWN]
    meant = next((name for name in sorted(ALLOWED) if name.lower() == context.licence.lower()), None)
    if meant:
        return _refused("licence_misspelt", "not allowed", shown, meant=meant)
    return _refused("licence_unlisted", "not allowed", shown)


def _refused(said: str, what: str, shown: str, **facts: str) -> Findings:
    return Findings(1, said, {"licence": shown, **facts}, (Sample(0, what, found=shown),), {what: 1})


SCAN = Scan(
    name="licence",
    version=2,
    label="Licence",
    description="The declared licence allows training and open publication.",
    blind_to="Who wrote the rows, and whether they agreed: a declaration is checked, not its truth.",
    blocks=True,
    search=search,
)
