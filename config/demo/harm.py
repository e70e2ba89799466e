"""What nobody wishes for, and what a community does then: harm that is reported, data asked back, doubtful rows.

Through the public API alone. What a vote must decide stays open for the visitor.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.demo import corpus, plan
from config.demo.client import Client

Say = Callable[[str], None]
Ask = Callable[[str], str]


def run(clients: list[Client], stranger: Client, revision: str, folder: Path, ask: Ask, say: Say) -> None:
    """Live through it, after the release of `revision`; `ask` puts a question to that version.

    1. Somebody without an account reports an answer; the steward tries it, and answers in public. 2. Somebody asks that
    two rows be taken out; who learnt from them is found, and a vote is proposed. 3. A member sends rows in which a scan
    finds something, and the community is asked about them.
    """
    by_name = {client.member.name: client for client in clients}
    _report(by_name["Chloé"], stranger, revision, ask, say)  # 1
    _ask_back(by_name["Alice"], stranger, say)  # 2
    _doubtful(by_name["Alice"], folder, say)  # 3


def _report(steward: Client, stranger: Client, revision: str, ask: Ask, say: Say) -> None:
    told: dict[str, Any] = stranger.post(f"/api/v1/releases/{revision}/incidents", plan.INCIDENT)
    place = f"/api/v1/communities/{plan.SLUG}/incidents/{told['number']}"
    steward.post(f"{place}/triage", {"severity": "high", "reason": "Whoever believes it could fall ill."})
    said = {"outcome": "confirmed", "reason": plan.INCIDENT_ANSWER, "reproduced": ask(plan.INCIDENT["prompt"])}
    answered = steward.post(f"{place}/answer", said)
    state = answered["state"]
    say(f"incident {told['number']} was reported without an account; Chloé tried it, and answers in public: {state}")


def _ask_back(member: Client, stranger: Client, say: Say) -> None:
    datasets = member.get(f"/api/v1/datasets?community={plan.SLUG}")["results"]
    (digest,) = (each["digest"] for each in datasets if each["slug"] == plan.PAIRS_SLUG)
    rows = [row["id"] for row in corpus.training_rows()[:2]]
    asked = stranger.post("/api/v1/removal-requests", {**plan.REMOVAL_REQUEST, "dataset": digest, "records": rows})
    learnt = member.get(f"/api/v1/blast-radius?community={plan.SLUG}&by=record&value={asked['records'][0]}")["learnt"]
    versions = ", ".join(f"{each['model']} v{each['version']}" for each in learnt)
    proposal = member.propose(plan.removal(digest, asked["reference"]))
    say(f"somebody asks that two rows be taken out; {versions} learnt from them; proposal {proposal['number']} is open")


def _doubtful(member: Client, folder: Path, say: Say) -> None:
    file = folder / "autumn-meeting.jsonl"
    file.write_bytes(corpus.jsonl(plan.doubtful_rows()))
    dataset = member.upload_dataset(
        file,
        community=plan.SLUG,
        slug="autumn-meeting",
        title=plan.DOUBTFUL_TITLE,
        license="CC-BY-4.0",
        role="training",
    )
    found = ", ".join(scan["scan"] for scan in dataset["scans"] if not scan["passed"])
    proposal = member.propose(plan.doubtful_inclusion(dataset["digest"]))
    say(f"a scan wonders about rows that Alice sent ({found}); proposal {proposal['number']} with the samples is open")
