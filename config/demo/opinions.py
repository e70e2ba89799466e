"""What people around the water commons think: a standing consultation, answered by members and by neighbours.

All accounts of the local chain that can sign take part, five of them without a single vote: that a consultation asks
more people than a vote does is the point of it.
"""

from typing import Any

from config.demo import chain, plan
from config.demo.client import Client

_SAYS = {"+": "agree", "-": "disagree", "0": "pass"}


def ask(author: Client) -> int:
    """Open the consultation; return its number."""
    asked: dict[str, Any] = author.post(f"/api/v1/communities/{plan.SLUG}/consultations", plan.consultation())
    return int(asked["number"])


def answer(clients: list[Client], number: int) -> int:
    """Let people answer, one of them with a statement of their own; return how many took part.

    One statement after the other: the site counts again only when five people or more have said something new.
    """
    where = f"/api/v1/communities/{plan.SLUG}/consultations/{number}"
    clients[-1].post(f"{where}/statements", {"text": plan.NEIGHBOURS_STATEMENT})
    for statement, said in enumerate(zip(*plan.OPINIONS, strict=True), start=1):
        for client, mark in zip(clients, said, strict=True):
            client.post(f"{where}/answers", {"statement": statement, "answer": _SAYS[mark]})
    return len(clients)


def people(members: tuple[chain.Member, ...], accounts: list[str]) -> list[chain.Member]:
    """Return the members, and the neighbours who hold no votes."""
    known = {member.address for member in members}
    others = [address for address in accounts if address not in known]
    return [*members, *(chain.Member(f"neighbour {at}", each, 0) for at, each in enumerate(others, start=1))]
