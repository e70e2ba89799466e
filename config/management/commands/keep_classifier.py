"""Take in a classifier that rules may name: `python manage.py keep_classifier FOLDER|ORG/NAME@COMMIT --labels …`.

A folder, or a model repository of a Hugging Face Hub at a pinned commit of 40 hex digits. Only safetensors, config.json
and the tokenizer are taken; it is loaded once and shown a text, so that what is kept is known to work. Prints the name
of the metric, which holds the digest of the files. Needs what training needs (torch).
"""

import os
import re
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from models_registry.datasets.repositories import REPOSITORY, REVISION
from models_registry.provenance import manifest
from models_registry.scorers import store
from models_registry.scorers.naming import LABEL
from models_registry.scorers.store import Kept, NotKept

_TRIED = "A text that is shown to it once."
_PINNED = re.compile(rf"(?P<repository>{REPOSITORY.pattern})@(?P<commit>{REVISION.pattern})")


class Command(BaseCommand):
    """Keeps one classifier. Safe to repeat: the same files are the same classifier."""

    help = __doc__ or ""
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask for the files, and for what is to be offered."""
        parser.add_argument("source", help="a folder, or org/name@commit")
        parser.add_argument(
            "--labels", nargs="+", required=True, metavar="LABEL", help="the labels that count as toxic"
        )
        parser.add_argument("--threshold", default="0.5", help="from which score on (a decimal; default: 0.5)")
        parser.add_argument("--endpoint", default=None, metavar="URL", help="another hub than huggingface.co")

    def handle(self, *_args: object, **options: object) -> None:
        """Fetch, try, keep, and print how rules name it."""
        source = str(options["source"])
        labels, threshold = [str(label) for label in options["labels"]], str(options["threshold"])  # type: ignore[attr-defined]
        try:
            if source and Path(source).is_dir():
                found = self._keep(Path(source), source, labels, threshold)
            else:
                with tempfile.TemporaryDirectory() as place:
                    folder = Path(place) / "model"
                    _fetch(source, folder, options["endpoint"])
                    found = self._keep(folder, source, labels, threshold)
        except NotKept as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{found.offered}\nlabels: {', '.join(found.labels)}")

    def _keep(self, folder: Path, source: str, labels: list[str], threshold: str) -> Kept:
        """Try the classifier, from a copy's point of view: offline, and without any code of its own."""
        from training_jobs.evaluation import classifier

        store.describe(folder)
        try:
            loaded = classifier.load(folder)
        except classifier.UnusableError as error:
            raise NotKept(str(error)) from error
        unnamed = [label for label in loaded.labels if not LABEL.fullmatch(label)]
        if unnamed:
            raise NotKept(f"no rule could write the label {unnamed[0][:80]!r}: letters, digits, '_', '.' and '-' only")
        loaded.score(_TRIED, list(loaded.labels))
        return store.keep(folder, source, tuple(loaded.labels), labels, threshold)


def _fetch(source: str, folder: Path, endpoint: object) -> None:
    """Download what may be kept of a repository at a commit; raise NotKept."""
    named = _PINNED.fullmatch(source)
    if named is None:
        raise NotKept(f"{source[:200]!r} is neither a folder nor org/name@commit with a commit of 40 hex digits")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    hub = HfApi(endpoint=str(endpoint) if endpoint else None, token=False)
    try:
        names = hub.list_repo_files(named["repository"], revision=named["commit"])
        wanted = [name for name in names if manifest.name_is_allowed(name)]
        for name in wanted:
            hub.hf_hub_download(named["repository"], name, revision=named["commit"], local_dir=folder)
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise NotKept(f"{source}: {str(error)[:300]}") from error
