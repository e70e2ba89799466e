"""Checks at start-up: a publication target that cannot work is noticed before the first release, not by it.

What only workers have (tokens, credentials) is not asked for here: web servers start with the same checks. A delivery
that lacks them ends with a reason on the release's page.
"""

import importlib.util
import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from models_registry.publishing import TARGETS, FolderTarget, HuggingFaceTarget, S3Target

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]")


@register()
def known_targets(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's signature
    """Refuse targets that are not in the table."""
    unknown = sorted(set(settings.PUBLICATION_TARGETS) - set(TARGETS))
    if unknown:
        return [
            Error(
                f"COMMONWEIGHTS_PUBLICATION_TARGETS names {', '.join(unknown)}.",
                hint=f"Known are {', '.join(sorted(TARGETS))}.",
                id="commonweights.E004",
            )
        ]
    return []


@register()
def usable_folder(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's signature
    """Refuse a folder of the operator's that lies within ours, or ours within it: both would be cleaned as one."""
    if FolderTarget.name not in settings.PUBLICATION_TARGETS:
        return []
    folder, ours = settings.PUBLICATION_FOLDER, settings.ARTIFACTS_DIR
    if folder.is_relative_to(ours) or ours.is_relative_to(folder):
        return [
            Error(
                f"COMMONWEIGHTS_PUBLICATION_FOLDER is {folder}, and COMMONWEIGHTS_ARTIFACTS is {ours}.",
                hint="Choose a folder apart from the artifacts of this site.",
                id="commonweights.E006",
            )
        ]
    return []


@register()
def usable_discussions(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's signature
    """Refuse discussions at a hub to which nothing is published: they would name no release."""
    if settings.HUGGING_FACE_DISCUSSIONS and HuggingFaceTarget.name not in settings.PUBLICATION_TARGETS:
        return [
            Error(
                "COMMONWEIGHTS_HUGGING_FACE_DISCUSSIONS is on, and nothing is published there.",
                hint="Add huggingface to COMMONWEIGHTS_PUBLICATION_TARGETS, or switch the discussions off.",
                id="commonweights.E009",
            )
        ]
    return []


@register()
def usable_bucket(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's signature
    """Refuse a bucket that is not named, or without the library that talks to it."""
    if S3Target.name not in settings.PUBLICATION_TARGETS:
        return []
    if not _BUCKET.fullmatch(settings.PUBLICATION_S3_BUCKET):
        return [
            Error(
                f"COMMONWEIGHTS_PUBLICATION_S3_BUCKET is {settings.PUBLICATION_S3_BUCKET!r}.",
                hint="Name the bucket: 3 to 63 lower-case letters, digits, dots and dashes.",
                id="commonweights.E007",
            )
        ]
    if importlib.util.find_spec("boto3") is None:
        return [
            Error(
                "COMMONWEIGHTS_PUBLICATION_TARGETS names s3, and boto3 is not installed.",
                hint="Install it as requirements.txt pins it.",
                id="commonweights.E008",
            )
        ]
    return []
