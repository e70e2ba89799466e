"""The files of an included dataset on the hub: its canonical rows, and a card and a Croissant file from its record.

Both documents are made of the inclusion record alone, so a revision always has the same bytes. The Croissant file
follows the vocabulary of MLCommons Croissant 1.0 (http://mlcommons.org/croissant/1.0) with the responsible-AI fields
(http://mlcommons.org/croissant/RAI/1.0). The sources stand under `isBasedOn`, as `rights.croissant` reads them back.
"""

import io
import json
from functools import lru_cache
from typing import Any, BinaryIO

from models_registry.datasets.kinds import keys_of
from models_registry.datasets.registering import dataset_path
from models_registry.models import Dataset
from models_registry.storage.listing import File, described, described_bytes

CARD = "README.md"
CROISSANT = "croissant.json"
ROWS = "rows.jsonl"
_DIGESTS_KEPT = 1_024
# The context of the specification: whoever reads a file compares it.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
} | {
    name: f"cr:{name}"
    for name in (
        "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
        "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references",
        "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
    )
}  # fmt: skip


def language_codes(dataset: Dataset) -> list[str]:
    """Return the languages of the rows as two-letter codes."""
    return [str(code) for code in dataset.languages]


def listing(dataset: Dataset) -> dict[str, File]:
    """Return the files by path; raise FileNotFoundError when the rows are not there."""
    rows = _rows(dataset.digest)
    documents = _documents(dataset)
    return {path: described_bytes(content, path) for path, content in documents.items()} | {ROWS: rows}


def opened(dataset: Dataset, file: File, first: int) -> BinaryIO:
    """Return a stream of one file of the listing from byte `first` on."""
    stream = (
        dataset_path(dataset.digest).open("rb") if file.path == ROWS else io.BytesIO(_documents(dataset)[file.path])
    )
    stream.seek(first)
    return stream


@lru_cache(maxsize=_DIGESTS_KEPT)
def _rows(digest: str) -> File:
    """Describe the rows, once: they are named by their digest and never change."""
    found = described(dataset_path(digest), ROWS)
    if found.sha256 != digest:
        raise FileNotFoundError(f"the rows of {digest} are not those that were registered")
    return found


def _documents(dataset: Dataset) -> dict[str, bytes]:
    """Write card and Croissant file from the inclusion record."""
    if dataset.inclusion_record is None:
        raise ValueError(f"dataset {dataset.pk} is not included")
    body = dataset.inclusion_record.body
    return {
        CARD: _card(dataset, body).encode(),
        CROISSANT: (json.dumps(_croissant(dataset, body), indent=2, ensure_ascii=False) + "\n").encode(),
    }


def _card(dataset: Dataset, body: dict[str, Any]) -> str:
    """Return the dataset card: the header that clients read, then the facts for people."""
    header = {
        "license": body["license"].lower(),
        "language": list(body["languages"]),
        "pretty_name": body["title"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": ROWS}]}],
    }
    scans = "\n".join(f"| {scan['scan']} | {_result(scan)} | {scan['found']} |" for scan in body["scans"])
    sources = "\n".join(
        f"| {_plain(source['name'])} | {_plain(source['license'])} | {source['consent'].replace('_', ' ')} |"
        for source in body["sources"]
    )
    given = "\n".join(
        f"| {entry['contributor'] or 'nobody is named'} | {sum(entry['records'].values())} |"
        f" {entry['share']['numerator']}/{entry['share']['denominator']} |"
        for entry in body["contributors"]
    )
    replaced = f"\n| Replaces, without records that were taken out | `{body['replaces']}` |" if body["replaces"] else ""
    # JSON is YAML: nothing in a title can leave its quotes.
    lines = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in header.items())
    return f"""---
{lines}
---
# {_plain(body["title"])}

The community **{_plain(dataset.community.name_en)}** has voted to let its models learn from this dataset.

| | |
|---|---|
| Rows | {body["records"]} ({body["kind"]}) |
| Languages | {", ".join(body["languages"])} |
| Licence | {_plain(body["license"])} |
| SHA-256 of `{ROWS}` | `{body["digest"]}` |
| Record of the inclusion | `{dataset.inclusion_record_id}` |{replaced}

Where the rows come from, as whoever registered them says:

| source | licence | ground |
|---|---|---|
{sources or "| nobody has said | | |"}

Anybody can ask on the page of the dataset that records be taken out.

Who contributed:

| contributor | records | share |
|---|---:|---:|
{given}

What the scans found before the vote:

| scan | result | found |
|---|---|---:|
{scans}
"""


def _croissant(dataset: Dataset, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": body["slug"],
        "description": body["title"],
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "license": body["license"],
        "inLanguage": list(body["languages"]),
        "creator": {"@type": "sc:Organization", "name": dataset.community.name_en},
        # Rows of one digest never change; another digest is another revision.
        "version": "1.0.0",
        "datePublished": f"{dataset.included_at:%Y-%m-%d}",
        **_responsible(body),
        "citeAs": f"{dataset.community.name_en}: {body['title']}. SHA-256 {body['digest']}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": ROWS,
                "name": ROWS,
                "contentUrl": ROWS,
                "contentSize": f"{body['files'][0]['size']} B",
                "encodingFormat": "application/jsonlines",
                "sha256": body["digest"],
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "rows",
                "name": "rows",
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"rows/{key}",
                        "name": key,
                        "dataType": "sc:Text",
                        "source": {"fileObject": {"@id": ROWS}, "extract": {"column": key}},
                    }
                    for key in keys_of(body["kind"])
                ],
            }
        ],
    }


def _result(scan: dict[str, Any]) -> str:
    """Return what a scan came to. One that did not pass and has no findings was not finished."""
    return "passed" if scan["passed"] else "found something" if scan["found"] else "not finished"


def _responsible(body: dict[str, Any]) -> dict[str, Any]:
    """Return the sources, and the responsible-AI fields that the record has something to say about."""
    sources = body["sources"]
    days = sorted(day for source in sources for day in (source["collected_from"], source["collected_to"]) if day)
    found = [f"{scan['scan']}: {scan['found']} found. {scan['detail']}" for scan in body["scans"]]
    fields: dict[str, Any] = {
        "rai:dataCollection": "; ".join(
            f"{source['name']} ({source['license']}; {source['consent'].replace('_', ' ')})" for source in sources
        ),
        "rai:dataCollectionTimeFrame": [days[0], days[-1]] if days else [],
        "rai:personalSensitiveInformation": [said for said in found if said.startswith("personal_data")],
        "rai:dataLimitations": [said for said in found if not said.startswith("personal_data")],
        "rai:dataReleaseMaintenancePlan": (
            "Anybody can ask the community to take records out. What is left is another dataset with another digest, "
            "which names the one that it replaces."
        ),
        "isBasedOn": [_source(source) for source in sources],
    }
    return {name: value for name, value in fields.items() if value}


def _source(source: dict[str, str]) -> dict[str, Any]:
    covered = "/".join(source[name] or ".." for name in ("collected_from", "collected_to"))
    described: dict[str, Any] = {
        "@type": "sc:CreativeWork",
        "name": source["name"],
        "url": source["url"],
        "license": source["license"],
        "usageInfo": f"consent:{source['consent']}",
        "temporalCoverage": "" if covered == "../.." else covered,
        "spatialCoverage": source["place"],
    }
    return {name: value for name, value in described.items() if value}


def _plain(text: str) -> str:
    """Keep a text from becoming Markdown structure: one line, no bars, no angle brackets."""
    return " ".join(text.split()).replace("|", "/").replace("<", "‹").replace(">", "›")
