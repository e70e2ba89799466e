"""A bot at a site that serves several communities takes runs of those that its owner has named, and of no others."""

from pathlib import Path

import pytest

from training_jobs.bot import config
from training_jobs.bot.once import Offer, _roots

OWN, OTHER, STRANGER = "a" * 64, "b" * 64, "c" * 64


def written(folder: Path, trust: str) -> config.Configuration:
    file = folder / "bot.toml"
    file.write_text(f'url = "https://commons.example"\nfolder = "/tmp/bot"\ntoken_env = "TOKEN"\n[trust]\n{trust}\n')
    return config.read(file)


def offered(community: str) -> Offer:
    return Offer(7, community, "1" * 64, "2" * 64, "3" * 64, 60)


def test_another_community_is_trusted_by_its_own_record_and_not_by_the_first_ones_key(tmp_path: Path) -> None:
    found = written(tmp_path, f'community = "{OWN}"\nrelease_key = "{STRANGER}"\nothers = ["{OTHER.upper()}"]')
    assert found.others == {OTHER}
    roots = _roots(found, offered(OTHER))
    assert (roots.community, roots.release_key) == (OTHER, None)
    roots = _roots(found, offered(OWN))
    assert (roots.community, roots.release_key) == (OWN, STRANGER)


@pytest.mark.parametrize("trust", [f'others = ["{OTHER}"]', f'community = "{OWN}"\nothers = ["short"]', "others = 7"])
def test_others_alone_are_no_trust_and_a_digest_that_is_none_is_refused(tmp_path: Path, trust: str) -> None:
    with pytest.raises(config.BadConfiguration, match=r"trust|others"):
        written(tmp_path, trust)
