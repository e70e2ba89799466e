"""A machine that a member lends: registered and configured; its bot is started by whoever looks around."""

import sys
from pathlib import Path

from config.demo.client import Client

NAME = "old-mill-1"
MEMORY_BYTES = 2 * 2**30  # of each device
CONFIGURATION = """# What `python -m training_jobs.bot` needs to know; docs/how-to/run-a-bot.md has the rest.
url = "{site}"
folder = "{folder}/work"
token_file = "{folder}/token"

[trust]
community = "{community}"
release_key = "{release_key}"

# Two halves of one processor: two runs can be trained there at once.
[[machine.devices]]
kind = "cpu"
name = "first half"
memory_bytes = {memory_bytes}
[[machine.devices]]
kind = "cpu"
name = "second half"
memory_bytes = {memory_bytes}
"""


def lend(client: Client, slug: str, folder: Path) -> tuple[int, list[str]]:
    """Register a machine of the member's; return its number, and the command that starts its bot."""
    community = client.get(f"/api/v1/communities/{slug}")
    made = client.post("/api/v1/runners", {"community": slug, "name": NAME})
    folder.mkdir()
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(made["token"])
    trust = {"community": community["record"], "release_key": community["release_key"]}
    configuration = folder / "bot.toml"
    configuration.write_text(CONFIGURATION.format(site=client.site, folder=folder, memory_bytes=MEMORY_BYTES, **trust))
    return made["id"], [sys.executable, "-m", "training_jobs.bot", "--config", str(configuration)]
