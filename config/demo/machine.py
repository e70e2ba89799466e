"""A machine that a member lends: registered and configured; its bot is started by whoever looks around."""

import sys
from pathlib import Path

from config.demo.client import Client

NAME = "alice-laptop"
CONFIGURATION = """# What `python -m training_jobs.bot` needs to know; docs/how-to/run-a-bot.md has the rest.
url = "{site}"
folder = "{folder}/work"
token_file = "{folder}/token"

[trust]
community = "{community}"
release_key = "{release_key}"
"""


def lend(client: Client, slug: str, folder: Path) -> list[str]:
    """Register a machine of the member's; return the command that starts its bot, without its options."""
    community = client.get(f"/api/v1/communities/{slug}")
    made = client.post("/api/v1/runners", {"community": slug, "name": NAME})
    folder.mkdir()
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(made["token"])
    trust = {"community": community["record"], "release_key": community["release_key"]}
    configuration = folder / "bot.toml"
    configuration.write_text(CONFIGURATION.format(site=client.site, folder=folder, **trust))
    return [sys.executable, "-m", "training_jobs.bot", "--config", str(configuration)]
