"""The files of datasets: the rows of each one that was registered, whose they are, and what is sent in parts.

Reads every byte that lies there, so it is left out with `--skip-files`. Files are the same for all communities.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from governance.fsck.finding import Finding, finding
from models_registry.datasets.canonical import tree_path
from models_registry.datasets.registering import dataset_path, datasets_folder
from models_registry.datasets.uploads import path_of
from models_registry.models import Dataset, DatasetUpload
from models_registry.rights.settling import contributions_path

TABLE, UPLOADS = "models_registry_dataset", "models_registry_datasetupload"
RESTORE = "restore the file from a backup; until then nothing can be trained on it or verified with it"
SPARE = "no row names it: remove it by hand if no backup of the database does either"
_SWEPT = "the sweeper removes it"


def check_dataset_files() -> Iterator[Finding]:
    """Yield what is wrong with the files of datasets.

    1. every dataset has its rows, and who contributed which. 2. no file is there without a dataset. 3. no upload holds
    more than was announced, and no part of a file is there without its upload.
    """
    known: set[str] = set()
    for digest, contributions in Dataset.objects.order_by("digest").values_list("digest", "contributions").distinct():
        rows = dataset_path(digest)  # 1
        known |= {rows.name, tree_path(rows).name, contributions_path(rows).name}
        yield from _check_file(rows, digest, digest, "rows")
        if contributions:
            yield from _check_file(contributions_path(rows), contributions, digest, "contributions")
    folder = datasets_folder()
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:  # 2
        if path.is_file() and not path.name.startswith(".") and path.name not in known:
            yield finding("file", path.name, "rows", "a dataset that it belongs to", "none", todo=SPARE)
    uploads = {str(upload.pk): upload for upload in DatasetUpload.objects.all()}
    for upload in uploads.values():  # 3
        there = path_of(upload).stat().st_size if path_of(upload).exists() else 0
        if there > upload.size:
            yield finding(UPLOADS, upload.pk, "size", f"at most {upload.size} bytes", there, todo=_SWEPT)
    parts = folder / ".uploads"
    for path in sorted(parts.iterdir()) if parts.is_dir() else []:
        if path.name not in uploads:
            yield finding("file", f".uploads/{path.name}", "upload", "an announced file", "none", todo=_SWEPT)


def _check_file(path: Path, expected: str, dataset: str, what: str) -> Iterator[Finding]:
    try:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        found = f"nothing that can be read ({error.strerror})"
    if found != expected:
        yield finding(TABLE, dataset, what, expected, found, todo=RESTORE)
