"""Traces of licences and of reserved rights in the texts themselves, beside the licence that is declared for them.

Somebody who copies a page often copies its notice, too: "all rights reserved", an SPDX tag, the name of a licence.
"""

import re

from models_registry.datasets.kinds import KINDS, kind_of, texts_of
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan, undisguised
from models_registry.datasets.scans.gathering import Gathering
from models_registry.datasets.scans.licence import ALLOWED, allowed_ways

RESERVED = "rights reserved"
# Own patterns for the notices and names of licences: what they look for, and which licence that is a trace of.
_TRACES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        RESERVED,
        re.compile(
            r"all rights reserved|tous droits r[ée]serv[ée]s|copyright (?:©|\(c\)) ?(?:19|20)\d\d|© ?(?:19|20)\d\d"
            r"|reproduction (?:interdite|prohibited|forbidden)|may not be reproduced|ne peut [êe]tre reproduit",
            re.IGNORECASE,
        ),
    ),
    ("GPL", re.compile(r"GNU (?:Lesser |Affero )?General Public Licen[sc]e|\b[AL]?GPL(?:v| v|-)[23]", re.IGNORECASE)),
    ("Apache-2.0", re.compile(r"Apache License,? (?:Version|v\.?) ?2", re.IGNORECASE)),
    (
        "MIT",
        re.compile(r"Permission is hereby granted, free of charge|\bthe MIT Licen[sc]e|licence MIT\b", re.IGNORECASE),
    ),
    (
        "CC-BY-NC",
        re.compile(
            r"\bCC[ -]BY[ -]NC|creativecommons\.org/licenses/by-nc|NonCommercial|pas d.utilisation commerciale",
            re.IGNORECASE,
        ),
    ),
    ("CC-BY-ND", re.compile(r"\bCC[ -]BY[ -]ND|creativecommons\.org/licenses/by-nd", re.IGNORECASE)),
    ("CC-BY-SA-4.0", re.compile(r"\bCC[ -]BY[ -]SA|creativecommons\.org/licenses/by-sa", re.IGNORECASE)),
    ("CC-BY-4.0", re.compile(r"\bCC[ -]BY\b(?![ -](?:NC|ND|SA))|creativecommons\.org/licenses/by/", re.IGNORECASE)),
    ("ODbL-1.0", re.compile(r"Open Database Licen[sc]e|\bODbL\b|OpenStreetMap contributors", re.IGNORECASE)),
)
_TAG = re.compile(r"SPDX-License-Identifier: ?([A-Za-z0-9.\-+]{2,60})")
# One search that nearly every text ends with.
_ANY = re.compile(
    r"reserved|r[ée]serv|©|copyright|reprodu|licen[sc]e|\bA?L?GPL|\bCC[ -]BY|creativecommons|NonCommercial|commerciale"
    r"|granted, free|ODbL|OpenStreetMap|SPDX",
    re.IGNORECASE,
)


def search(rows: Rows, context: Context) -> Findings:
    """Find notices that the declared licence does not explain."""
    declared = frozenset[str]().union(*allowed_ways(context.licence))
    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        for name, text in zip(KINDS[str(kind_of(row))], texts_of(row), strict=True):
            if not _ANY.search(text):
                continue
            plain = undisguised(text)
            for what, start, end in _traces(plain, declared):
                gathered.add(line, what, plain, start, end, field=name)
    return gathered.findings("no_other_licence", "other_licence", {"licence": context.licence or "–"})


def _traces(plain: str, declared: frozenset[str]) -> list[tuple[str, int, int]]:
    found = []
    for what, pattern in _TRACES:
        match = pattern.search(plain)
        if match and what not in declared:
            found.append((what, match.start(), match.end()))
    for match in _TAG.finditer(plain):
        what = match.group(1) if match.group(1) in ALLOWED else "other licence"
        if what not in declared and what not in {already for already, _start, _end in found}:
            found.append((what, match.start(), match.end()))
    return found


SCAN = Scan(
    name="licence_traces",
    version=1,
    label="Traces of other licences",
    description="No copyright notice and no name of another licence stands in the texts.",
    blind_to=(
        "Copied texts without their notice, and the difference between carrying a notice and speaking about one."
    ),
    blocks=False,
    search=search,
)
