"""What the demo's two neighbouring communities are: names, rules, and the texts of their proposals.

The keepers of the weir govern by contract. The seed library votes in secret on opinions, and some of its members hold
one wallet together.
"""

from typing import Any

from config.demo.chain import CHAIN_ID, UNIT, Member
from config.demo.plan import VISITOR_VOTING_SECONDS
from governance.onchain.numbers import Numbers

WEIR = "weir-keepers"
SEEDS = "seed-library"
DAY_SECONDS = 24 * 3600


# --- the keepers of the weir ---


def first_numbers(voting_seconds: int) -> Numbers:
    """Return the rules of the Governor that they began with: everything in seconds, to try it out."""
    return Numbers(1, voting_seconds, 0, 10 * UNIT, 2_000, 2)


def later_numbers() -> Numbers:
    """Return the rules of the Governor that they vote for."""
    return Numbers(1, VISITOR_VOTING_SECONDS, DAY_SECONDS, 10 * UNIT, 2_000, 60)


def weir(pair: dict[str, str], numbers: Numbers, members: tuple[Member, ...]) -> dict[str, Any]:
    """Return the file that `manage.py found_community` reads; `pair` are Governor, anchor and token."""
    return {
        "slug": WEIR,
        "name_en": "Keepers of the weir",
        "name_fr": "Gardiens du barrage",
        "description_en": (
            "They open and close the weir for all who live below it. Their decisions are made by a contract on a "
            "chain, and every vote is a transaction."
        ),
        "description_fr": (
            "Ils ouvrent et ferment le barrage pour tous ceux qui vivent en aval. Leurs décisions sont prises par un "
            "contrat sur une chaîne, et chaque vote est une transaction."
        ),
        "chain_id": CHAIN_ID,
        "token": pair["token"],
        "charter": weir_charter(pair, numbers),
        "members": [{"address": member.address, "name": member.name} for member in members],
    }


def weir_charter(pair: dict[str, str], numbers: Numbers) -> dict[str, Any]:
    """Return a charter that says what a Governor does."""
    return {
        "tiers": {"standard": numbers.rules().to_body()},
        "kinds": {"default": "standard"},
        "power": {"source": "governor_votes", "parameters": dict(pair)},
        "house": None,
        "council": {"pause_seconds_max": 0},
    }


def longer_votes(charter: dict[str, Any]) -> dict[str, Any]:
    """Return the proposal to govern by another contract, whose votes last a week."""
    return {
        "community": WEIR,
        "kind": "governance_rules",
        "title": "From trying it out to votes of a week",
        "text": "Our first Governor closes its votes within seconds. The new one gives everybody a week.",
        "payload": {"charter": charter},
    }


def night_gate() -> dict[str, Any]:
    """Return the proposal that stays open for the visitor."""
    return {
        "community": WEIR,
        "kind": "text_signal",
        "title": "Keep the weir closed at night in summer",
        "text": "The fish need the deep water, and nobody waters at night. **Vote by a transaction**: the demo pays.",
        "payload": {"statement": "From June to August the weir is closed from ten at night to five in the morning."},
    }


# --- the seed library ---


def seed_library(token: str, members: tuple[Member, ...], voting_seconds: int) -> dict[str, Any]:
    """Return the file that `manage.py found_community` reads; three members together open what was voted in secret."""
    everyday = {
        "quorum_bps": 1_000,
        "threshold_bps": 5_000,
        "proposal_threshold": str(10_000 * UNIT),
        "voting_delay_seconds": 1,
        "voting_period_seconds": voting_seconds,
        "timelock_seconds": 2,
        "execution_window_seconds": 14 * DAY_SECONDS,
    }
    return {
        "slug": SEEDS,
        "name_en": "Seed library",
        "name_fr": "Grainothèque",
        "description_en": (
            "Gardeners who share seeds, and who know each other well. Opinions are asked in secret: nobody reads a "
            "vote before voting has closed."
        ),
        "description_fr": (
            "Des jardinières et jardiniers qui partagent des graines et se connaissent bien. Les avis se donnent en "
            "secret : personne ne lit un vote avant la clôture."
        ),
        "chain_id": CHAIN_ID,
        "token": token,
        "charter": {
            "tiers": {"secret": everyday, "open": everyday},
            "kinds": {"default": "open", "text_signal": "secret"},
            "power": {"source": "erc20_votes", "parameters": {"token": token}},
            "house": None,
            "council": {"pause_seconds_max": 0},
            "sealing": {
                "tiers": ["secret"],
                "keyholders": [member.address for member in members[:3]],
                "threshold": 2,
                "wait_seconds": 3 * DAY_SECONDS,
            },
        },
        "members": [{"address": member.address, "name": member.name} for member in members],
    }


def opened_question() -> dict[str, Any]:
    """Return the vote in secret that has closed and was opened."""
    return {
        "community": SEEDS,
        "kind": "text_signal",
        "title": "Do we go on lending seeds to people who never bring any back?",
        "text": "Everybody knows whom it is about. That is why it is asked in secret.",
        "payload": {"statement": "Seeds are lent to everybody, whatever they brought back last year."},
    }


# What members answer, and why: against, for, for.
SECRET_VOTES = {
    "Alice": (1, "A bad year can happen to anybody."),
    "Bob": (0, "Then nobody will bring any back."),
    "Chloé": (1, "Ask them first why."),
}


def sealed_question() -> dict[str, Any]:
    """Return the vote in secret that stays open for the visitor."""
    return {
        "community": SEEDS,
        "kind": "text_signal",
        "title": "Shall the library have opening hours?",
        "text": "Today the door is always open, and some jars are empty. **Nobody sees how you vote** before the end.",
        "payload": {"statement": "The library is open on two afternoons of the week, with somebody there."},
        "voting_period_seconds": VISITOR_VOTING_SECONDS,
    }


def which_shelf() -> dict[str, Any]:
    """Return the poll in which the shared wallet's ballot waits for a second owner."""
    return {
        "community": SEEDS,
        "kind": "poll",
        "method": "single-choice",
        "title": "Which seeds do we dry first?",
        "text": "Those who share a wallet vote with it together: one of three owners has signed already.",
        "payload": {"question": "What goes onto the racks first?", "choices": ["Beans", "Tomatoes", "Lettuce"]},
        "voting_period_seconds": VISITOR_VOTING_SECONDS,
    }


SHARED_REASON = "They are wet, and we grew most of them."
