"""What members of the demo say about the question that stays open."""

from collections.abc import Mapping

from config.demo import plan
from config.demo.client import Client

_SAID = (
    ("Chloé", "Half the wells of my village are private. Who says **yes** to pairs about them?", None),
    ("Daouda", "Their owners, one by one. We could begin with:\n\n- the well at the mill\n- the well of the school", 1),
    ("Alice", "Good. I shall put that into the next proposal.", 2),
)


def about(clients: Mapping[str, Client], number: int) -> int:
    """Let members talk about a proposal; return how many comments there are."""
    for name, text, answers in _SAID:
        where = f"/api/v1/communities/{plan.SLUG}/proposals/{number}/comments"
        clients[name].post(where, {"text": text, "answers": answers})
    return len(_SAID)
