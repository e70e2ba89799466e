"""The commands on the page of a release: with the key that signed it, and no download of what is not handed out."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from governance.models import Proposal
from models_registry.models import ReleaseKeys, Version
from tests.integration import golden_site
from tests.integration.golden_site import KEY, NOON
from tests.simulators.golden_bundle import KeySigner, guarded_story

IN_FORCE = KeySigner(8).public_key_hex


@pytest.fixture
def released(db: None, tmp_path: Path, settings: Any, at: Callable[[datetime], None]) -> Callable[..., Version]:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    at(NOON)
    return golden_site.released


def page(version: Version, language: str = "en") -> str:
    answer = Client().get(f"/releases/{version.revision}/", headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def adopt(version: Version, record: Any, body: dict[str, Any], number: int = 9) -> None:
    """Let a vote have put the keys of a record in force."""
    community = version.model.community
    proposal = Proposal.objects.create(
        community=community, number=number, kind="release_keys", title="New keys", text="", payload={}, author="0x"
    )
    kept = record or golden_site.keep(golden_site.RecordValue.make("keys", "keys:water", body, []))
    ReleaseKeys.objects.create(
        community=community, record=kept, proposal=proposal, adopted_at=NOON + timedelta(seconds=number)
    )


def test_both_names_of_the_command_stand_there_with_the_founding_key_explained(released: Any) -> None:
    html = page(released())
    assert "commonweights-verify release" in html
    assert "python -m models_registry.provenance \\\n  verify release" in html
    assert f"--community-key \\\n  {KEY}" in html
    assert "The key is the founding key of the community" in html
    assert "hf download" in html


def test_a_release_under_voted_keys_names_the_key_in_force_and_the_founding_one(released: Any) -> None:
    version = released(guarded_story())
    record = golden_site.Record.objects.get(kind="keys")
    adopt(version, record, {})
    html = page(version)
    assert f"--community-key \\\n  {IN_FORCE}" in html
    assert "The key is the one that a vote has put in force:" in html
    assert "New keys" in html
    assert f'<code class="digest">{KEY}</code>' in html
    assert "A later vote has put another key in force" not in html


def test_a_key_that_was_replaced_or_revoked_since_is_told(released: Any) -> None:
    version = released()
    body = {
        "guardians": [],
        "release_key": {"algorithm": "ed25519", "public_key": IN_FORCE},
        "revoked": [{"public_key": KEY, "reason": "the laptop was stolen"}],
        "threshold": 0,
    }
    adopt(version, None, {**body, "revoked": []})
    html = page(version)
    assert f"--community-key \\\n  {KEY}" in html, "this release was signed with it, and not with the newer one"
    assert "A later vote has put another key in force" in html
    assert "revoked this key since" not in html
    adopt(version, None, body, number=10)
    assert "the laptop was stolen" in page(version)


@pytest.mark.parametrize("how", ["withdrawn", "paused"])
def test_what_is_not_handed_out_has_no_download_but_the_reason_and_the_way_to_a_good_one(
    released: Any, how: str
) -> None:
    version = released()
    proposal = Proposal.objects.create(
        community=version.model.community,
        number=9,
        kind="release_withdrawal",
        title="W",
        text="",
        payload={},
        author="0x",
    )
    if how == "withdrawn":
        version.withdrawn_at, version.withdrawn_reason, version.withdrawal = NOON, "It leaks answers.", proposal
    else:
        version.paused_by, version.paused_reason = "0x1", "It leaks answers."
        version.paused_until = NOON + timedelta(days=1)
    version.save()
    html = page(version)
    for gone in ("hf download", "from_pretrained", "data-hub="):
        assert gone not in html
    assert "The hub does not hand this release out.</b> It leaks answers." in html
    assert "No other version of this model is handed out now." in html
    assert "commonweights-verify release" in html, "whoever has a copy can still verify it"

    good = Version.objects.create(
        model=version.model, number=version.number + 1, revision="c" * 40, manifest_sha256="0" * 64, folder="x",
        created_at=NOON, release_record=golden_site.keep(golden_site.RecordValue.make("release", "r", {}, [])),
        evaluation_record=golden_site.keep(golden_site.RecordValue.make("evaluation", "e", {}, [])),
    )  # fmt: skip
    html = page(version)
    assert f"/releases/{good.revision}/" in html
    assert f"Version {good.number} is the newest one that is handed out" in html
