"""`manage.py found_community FILE…`: found communities from JSON files, make their release keys, register their models.

The file: {"slug", "name_en", "name_fr", "description_en", "description_fr", "chain_id", "token", "charter": {"tiers",
"kinds", "power", "house", "council"}, "members": [{"address", "name"}], "models": [{"namespace", "name", "title_en",
"title_fr", "license", "base": FOLDER}]}. `docs/operations.md` explains it. Safe to repeat: what exists is left alone.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.clock import now as clock
from governance.eip712 import parse_address
from governance.errors import Refusal
from governance.evidence.canonical import CanonicalError, strict_loads
from governance.evidence.signing import SigningError
from governance.keys import founding_key
from governance.models import Community, Member
from governance.services import NewCommunity, found_community
from models_registry.models import Model
from models_registry.services import register_base

FILE_BYTES_MAX = 1_000_000


class Command(BaseCommand):
    """Found communities."""

    help = "Found a community from each JSON file."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the files."""
        parser.add_argument("file", type=argparse.FileType("rb"), nargs="+")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Found one after the other."""
        for file in options["file"]:
            self._found_from(file)

    def _found_from(self, file: BinaryIO) -> None:
        """Found it, or say what is wrong with the file."""
        try:
            plan = strict_loads(file.read(), max_bytes=FILE_BYTES_MAX)
            community = self._found(plan)
            for member in plan.get("members", []):
                Member.objects.get_or_create(
                    community=community, address=parse_address(member["address"]), defaults={"name": member["name"]}
                )
            for entry in plan.get("models", []):
                self._register(community, entry)
        except (CanonicalError, Refusal, SigningError) as error:
            raise CommandError(str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise CommandError(f"the file lacks or misspells something: {error!r}") from error
        self.stdout.write(f"{community.slug}: release key {community.release_key}, record {community.record_id}")

    def _found(self, plan: dict[str, Any]) -> Community:
        existing = Community.objects.filter(slug=plan["slug"]).first()
        if existing:
            return existing
        release_key = founding_key(plan["slug"])
        names = ("slug", "name_en", "name_fr", "chain_id", "token", "charter")
        optional = ("description_en", "description_fr")
        return found_community(
            NewCommunity(
                **{name: plan[name] for name in names},
                **{name: plan[name] for name in optional if name in plan},
                release_key=release_key,
            ),
            clock(),
        )

    def _register(self, community: Community, entry: dict[str, Any]) -> None:
        model, _ = Model.objects.get_or_create(
            community=community,
            namespace=entry["namespace"],
            name=entry["name"],
            defaults={name: entry[name] for name in ("title_en", "title_fr", "license")},
        )
        version = register_base(model, Path(entry["base"]), clock())
        self.stdout.write(f"{model}: base {version.revision}")
