"""Where the page of a thing is: the addresses of everything that can be found or waits for somebody, by its kind."""

from collections.abc import Callable

from django.urls import reverse

from governance.search import Hit
from governance.selectors.needs import Need

_PLACES: dict[str, Callable[[str, str], str]] = {
    "community": lambda slug, _key: reverse("site:community", args=[slug]),
    "decision": lambda slug, key: reverse("site:proposal", args=[slug, key]),
    "model": lambda _slug, key: reverse("site:model", args=key.split("/", 1)),
    "release": lambda _slug, key: reverse("site:release", args=[key]),
    "dataset": lambda _slug, key: reverse("site:dataset", args=[key]),
    "rule": lambda slug, key: f"{reverse('site:rules', args=[slug])}#rule-{key}",
    "run": lambda _slug, key: reverse("site:run", args=[key]),
    "incident": lambda slug, key: reverse("site:incident", args=[slug, key]),
    "consultation": lambda slug, key: reverse("site:consultation", args=[slug, key]),
    "statement": lambda slug, key: _part_of("site:consultation", slug, key, "#statement-"),
    "comment": lambda slug, key: reverse("site:comment", args=[slug, *key.split("/", 1)]),
    "delegate": lambda slug, key: reverse("site:delegate", args=[slug, key]),
    "history": lambda slug, key: reverse("site:imported", args=[slug, key]),
}


_NEEDS: dict[str, Callable[[Need], str]] = {
    "vote": lambda need: reverse("site:proposal", args=[need.community.slug, need.key]),
    "guard": lambda need: reverse("site:proposal", args=[need.community.slug, need.key]),
    "seal": lambda need: reverse("site:proposal_keys", args=[need.community.slug, need.key]),
    "unseal": lambda need: reverse("site:proposal_keys", args=[need.community.slug, need.key]),
    "held_up": lambda need: reverse("site:proposal", args=[need.community.slug, need.key]),
    "draft": lambda need: reverse("site:draft", args=[need.community.slug, need.key]),
    "sponsor": lambda need: reverse("site:sponsor", args=[need.community.slug, need.key]),
    "review": lambda need: reverse("site:run_review", args=[need.key]),
    "incident": lambda need: reverse("site:incident", args=[need.community.slug, need.key]),
    "call": lambda need: reverse("site:incidents", args=[need.community.slug]),
}


def _part_of(page: str, slug: str, key: str, mark: str) -> str:
    """Return where a part stands on the page of the whole; its key is both numbers."""
    whole, _slash, part = key.partition("/")
    return f"{reverse(page, args=[slug, whole])}{mark}{part}"


def need_address(need: Need) -> str:
    """Return the address where somebody can do what waits for them."""
    return _NEEDS.get(need.kind, lambda need: reverse("site:community", args=[need.community.slug]))(need)


def address_of(hit: Hit) -> str:
    """Return the address of what was found. A kind without a page of its own leads to its community."""
    return _PLACES.get(hit.kind, _PLACES["community"])(hit.community.slug, hit.key)
