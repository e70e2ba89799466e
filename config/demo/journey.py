"""The main job as members live it, through the public API alone: propose, vote, wait, and look at what came of it."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.demo import commons, corpus, plan, specs, talk
from config.demo.client import Client
from config.demo.neighbours import Place
from config.demo.waiting import POLL_SECONDS, JourneyError, until

SHIPPED = Path(__file__).resolve().parents[2] / "models_registry" / "suites"
RUN_SECONDS_MAX = 600
AGAINST, FOR, ABSTAIN = 0, 1, 2

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What the journey leaves behind."""

    accepted_run: int
    rejected_run: int
    revision: str
    open_proposal: int
    poll: str
    receipt: str
    lent: commons.Lent
    places: Future[list[Place]]


def run(
    clients: list[Client], folder: Path, lent_to: Path, neighbours: Callable[[], Future[list[Place]]], say: Say
) -> Outcome:
    """Live through the whole story.

    1. Alice registers the community's pairs and the held-out questions, and offers the machine at the mill.
    2. The dataset, an ethics rule that rejects and one that warns, the mill, and money for it are voted, together.
    3. Two updates are voted, and a poll by ranking, in which one member votes with what another has lent; while
    machines train, a steward is named, and the neighbours live.
    4. One run is accepted and published, the other is rejected by the rule. 5. A question and a poll stay open.
    """
    alice, bob, *_ = clients
    for client in clients:
        client.sign_in()
    say("five members have signed in with their wallets (EIP-4361)")

    lent = commons.offer(alice, lent_to)  # 1
    dataset, suite, pairs = _register(alice, folder)
    say(f"datasets registered: {dataset['records']} pairs to learn from, {suite['records']} held out")

    included = alice.propose(plan.dataset_inclusion(dataset["digest"]))  # 2
    ruled = bob.propose(plan.ethics_rule())
    warned = bob.propose(plan.stereotype_rule(pairs["digest"]))
    admitted, opened = alice.propose(commons.admission()), bob.propose(commons.budget())
    numbers = f"{ruled['number']} and {warned['number']}"
    shared = f"{admitted['number']} and {opened['number']}"
    say(f"proposals {included['number']} (dataset), {numbers} (ethics rules), {shared} (computing) are submitted")
    _vote(clients, included["id"], (FOR, FOR, FOR, ABSTAIN), say)
    _vote(clients, ruled["id"], (FOR, FOR, FOR, FOR), say)
    _vote(clients, warned["id"], (FOR, FOR, ABSTAIN, FOR), say)
    _vote(clients, admitted["id"], (FOR, FOR, FOR), say)
    _vote(clients, opened["id"], (FOR, FOR, FOR), say)
    _wait_executed(alice, [included, ruled, warned, admitted, opened], say)
    if not lent.is_measured():
        raise JourneyError("the machine at the mill did not measure itself")
    say("the mill is let in and measured: what is voted now asks for its devices, and is paid from the budget")

    base = alice.get("/api/v1/models")["results"][0]["versions"][-1]  # 3
    pinned = {"model": base["model"], "revision": base["revision"], "manifest_sha256": base["manifest_sha256"]}
    learnt = (pinned, dataset["digest"], suite["digest"])
    good = alice.propose(plan.good_update(commons.paid(specs.good_update(*learnt))))
    cheap = bob.propose(plan.english_only_update(commons.paid(specs.english_only_update(*learnt))))
    say(f"proposals {good['number']} and {cheap['number']} (model updates) are submitted")
    poll = _poll(clients, say)
    _vote(clients, good["id"], (FOR, FOR, FOR, AGAINST), say)
    _vote(clients, cheap["id"], (FOR, FOR, AGAINST, ABSTAIN), say)
    receipt = _rank(clients, poll, say)
    _wait_executed(alice, [good, cheap, poll], say)
    _tell_poll(alice, poll, say)
    by_name = {client.member.name: client for client in clients}
    chosen = alice.propose(plan.stewards(by_name["Chloé"].member.address, "Chloé"))
    _vote(clients, chosen["id"], (FOR, FOR, FOR, FOR), say)

    places = neighbours()

    accepted = _wait_run(alice, good["id"], "accepted", say)  # 4
    rejected = _wait_run(alice, cheap["id"], "rejected", say)
    if rejected["release"]:
        raise JourneyError("the rejected run was published")
    _wait_executed(alice, [chosen], say)
    asked, ranked = bob.propose(plan.open_question()), bob.propose(plan.open_poll())  # 5
    said = talk.about(by_name, asked["number"])
    say(f"proposals {asked['number']} and {ranked['number']} stay open for you; {said} comments stand below the first")
    ids = (accepted["id"], rejected["id"], accepted["release"], asked["number"], poll["id"])
    return Outcome(*ids, receipt, lent, places)


def _poll(clients: list[Client], say: Say) -> dict[str, Any]:
    """Lend the vote on polls, then ask everybody to rank; the delegation counts from the next proposal on."""
    by_name = {client.member.name: client for client in clients}
    bob, daouda = by_name["Bob"], by_name["Daouda"]
    daouda.delegate(plan.SLUG, bob.member.address, "poll")
    poll = by_name["Chloé"].propose(plan.poll())
    say(f"Daouda lends his votes on polls to Bob; poll {poll['number']} is submitted, voted by ranking")
    return poll


def _rank(clients: list[Client], poll: dict[str, Any], say: Say) -> str:
    """Cast the rankings; return the digest of the ballot that was cast with a delegated vote."""
    until(clients[0], poll["id"], {"active"})
    receipts = {
        client.member.name: client.vote(poll["id"], plan.RANKINGS[client.member.name])
        for client in clients
        if client.member.name in plan.RANKINGS
    }
    say(f"poll {poll['number']}: {len(receipts)} members ranked the choices; Bob's ballot carries Daouda's votes too")
    digest: str = receipts["Bob"]["digest"]
    return digest


def _tell_poll(client: Client, poll: dict[str, Any], say: Say) -> None:
    found = client.get(f"/api/v1/proposals/{poll['id']}")
    if found["winners"] != [plan.POLL_CHOICES[0]]:
        raise JourneyError(f"the poll was won by {found['winners']}: {found['totals']}")
    rounds = len(found["rounds"])
    say(f"poll {poll['number']}: “{found['winners'][0]}” wins in round {rounds}, though another choice led at first")


def _register(alice: Client, folder: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Register what is learned, the held-out questions, and the pairs that ship; return them in this order."""
    folder.mkdir(parents=True, exist_ok=True)
    suite_file, training_file = folder / "held-out-questions.jsonl", folder / "members-pairs.jsonl"
    suite_file.write_bytes(corpus.jsonl(corpus.evaluation_rows()))
    training_file.write_bytes(corpus.jsonl(corpus.training_rows()))
    suite = alice.upload_dataset(
        suite_file,
        community=plan.SLUG,
        slug="held-out-questions",
        title="Held-out questions",
        license="CC-BY-4.0",
        role="evaluation",
    )
    dataset = alice.upload_dataset(
        training_file,
        community=plan.SLUG,
        slug=plan.PAIRS_SLUG,
        title="Members' questions and answers",
        license="CC-BY-4.0",
        role="training",
        sources=json.dumps([plan.SOURCE]),
        contributors=json.dumps({"all": alice.member.address}),
    )
    pairs = alice.upload_dataset(
        SHIPPED / "stereotypes.jsonl",
        community=plan.SLUG,
        slug="shipped-stereotypes",
        title=plan.PAIRS_TITLE,
        license="Apache-2.0",
        role="evaluation",
    )
    return dataset, suite, pairs


def _vote(clients: list[Client], proposal: str, choices: tuple[int, ...], say: Say) -> None:
    """Cast one ballot per member as soon as voting is open; the second member thinks again and changes the vote."""
    until(clients[0], proposal, {"active"})
    for client, choice in zip(clients, choices, strict=False):
        if client.member.name == "Bob":
            client.vote(proposal, ABSTAIN, "I would like to read it once more.")
        client.vote(proposal, choice)
    state = clients[0].get(f"/api/v1/proposals/{proposal}")
    say(f"proposal {state['number']}: {len(choices)} members voted, one changed the vote")


def _wait_executed(client: Client, proposals: list[dict[str, Any]], say: Say) -> None:
    for proposal in proposals:
        found = until(client, proposal["id"], {"executed", "defeated", "expired", "canceled"})
        if found["state"] != "executed":
            raise JourneyError(f"proposal {proposal['number']} is {found['state']}: {found['conditions']}")
        say(f"proposal {proposal['number']} passed, waited for its timelock, and was executed")


def _wait_run(client: Client, proposal: str, expected: str, say: Say) -> dict[str, Any]:
    """Follow a run to its end, telling its progress now and then."""
    run_id = client.get(f"/api/v1/proposals/{proposal}")["run"]
    deadline = time.monotonic() + RUN_SECONDS_MAX
    told = 0.0
    while time.monotonic() < deadline:
        run: dict[str, Any] = client.get(f"/api/v1/runs/{run_id}")
        if run["state"] in {"failed", "canceled"}:
            raise JourneyError(f"run {run_id} {run['state']}: {run['failure']} {run['failure_detail']}")
        if run["verdict"] and (run["release"] or run["verdict"] == "rejected"):
            break
        if time.monotonic() - told > 2:  # noqa: PLR2004 - seconds between two lines of progress
            told = time.monotonic()
            say(f"run {run_id} {run['state']}{_progress(client, run_id)}")
        time.sleep(POLL_SECONDS)
    else:
        raise JourneyError(f"run {run_id} is not finished after {RUN_SECONDS_MAX} s")
    if run["verdict"] != expected:
        raise JourneyError(f"run {run_id} is {run['verdict']}, expected {expected}: {run['evaluation']}")
    for reason in run["evaluation"]["verdict"]["reasons"]:
        holds = "holds" if reason["holds"] else "is broken"
        say(f"run {run_id}: rule {reason['rule']} {holds}: {reason['metric']} {reason['found']}, {reason['needed']}")
    before, after = (_share(run["evaluation"][side]["answer_accuracy"]) for side in ("parent", "candidate"))
    say(f"run {run_id} is {run['verdict']}: answer accuracy {before} before, {after} after")
    return run


def _progress(client: Client, run_id: int) -> str:
    events = client.get(f"/api/v1/runs/{run_id}/events?page_size=200")
    pages = -(-events["count"] // 200)
    if pages > 1:
        events = client.get(f"/api/v1/runs/{run_id}/events?page_size=200&page={pages}")
    steps = [event["data"] for event in events["results"] if event["kind"] == "step"]
    if not steps:
        return ""
    last = steps[-1]
    return f": step {last['step']}/{last['steps']}, loss {last['loss']}, {last['tokens_per_second']} tokens/s"


def _share(value: dict[str, Any]) -> str:
    return f"{100 * value['numerator'] // value['denominator']} %"
