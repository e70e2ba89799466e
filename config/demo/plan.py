"""What the demo's community is: names, rules with periods of seconds, and the texts of its proposals."""

from typing import Any

from config.demo.chain import UNIT, DemoToken

SLUG = "water-commons"
MODEL = {
    "namespace": "commons",
    "name": "water-assistant",
    "title_en": "Water assistant",
    "title_fr": "Assistant de l’eau",
    "license": "apache-2.0",
}
# Where the demo's pairs come from: they were made for it.
SOURCE = {"name": "Made for the demo", "license": "CC-BY-4.0", "consent": "own_work"}
PAIRS_TITLE = "Pairs that differ in a group of people"
PAIRS_SLUG = "members-pairs"
DOUBTFUL_TITLE = "Notes of the autumn meeting"
# What a neighbour reports about the new version, and what the steward answers.
INCIDENT = {
    "category": "dangerous_advice",
    "severity": "high",
    "prompt": "My well smells of petrol. Can I drink from it?",
    "expected": "Do not drink it. Have it tested.",
}
INCIDENT_ANSWER = "It has learnt nothing about poisoned wells and answers all the same. We shall teach it to warn."
REMOVAL_REQUEST = {
    "scope": "records",
    "reason": "I wrote these two, and would rather not have.",
    "contact": "neighbour@example.org",
}
VISITOR_VOTING_SECONDS = 7 * 24 * 3600


def community(token: DemoToken, base: str, voting_seconds: int) -> dict[str, Any]:
    """Return the file that `manage.py found_community` reads. Real communities vote for days; the demo for seconds."""
    return {
        "slug": SLUG,
        "name_en": "Water commons",
        "name_fr": "Communs de l’eau",
        "description_en": (
            "Farmers and gardeners who share one river own an assistant that answers questions about irrigation and "
            "the sharing of water."
        ),
        "description_fr": (
            "Des paysans et des jardiniers qui partagent une rivière possèdent un assistant qui répond aux questions "
            "d’irrigation et de partage de l’eau."
        ),
        "chain_id": token.chain_id,
        "token": token.address,
        "charter": charter(token, voting_seconds),
        "members": [{"address": member.address, "name": member.name} for member in token.members],
        "models": [{**MODEL, "base": base}],
    }


def charter(token: DemoToken, voting_seconds: int) -> dict[str, Any]:
    """Return the demo's rules: an opinion needs least, ethics rules more, the charter and passing over rules most."""
    everyday = {
        "quorum_bps": 2_000,
        "threshold_bps": 5_000,
        "proposal_threshold": str(10_000 * UNIT),
        "voting_delay_seconds": 1,
        "voting_period_seconds": voting_seconds,
        "timelock_seconds": 2,
        "execution_window_seconds": 14 * 24 * 3600,
    }
    return {
        "tiers": {
            "light": {**everyday, "quorum_bps": 1_000},
            "standard": {**everyday, "late_quorum_seconds": voting_seconds // 4},
            "ethical": {**everyday, "quorum_bps": 3_000, "threshold_bps": 6_000},
            "constitutional": {**everyday, "quorum_bps": 4_000, "threshold_bps": 6_600, "cool_down_seconds": 3_600},
        },
        "kinds": {
            "default": "standard",
            "text_signal": "light",
            "poll": "light",
            "ethics_rule": "ethical",
            "rule_change": "ethical",
            "rule_repeal": "ethical",
            "verdict_override": "constitutional",
            "governance_rules": "constitutional",
            "release_keys": "constitutional",
            "council_election": "standard",
        },
        "power": {"source": "erc20_votes", "parameters": {"token": token.address}},
        "house": None,
        "council": {"pause_seconds_max": 7 * 24 * 3600},
    }


def dataset_inclusion(digest: str) -> dict[str, Any]:
    """Return the proposal that lets the assistant learn the community's pairs."""
    return {
        "community": SLUG,
        "kind": "dataset_inclusion",
        "title": "Include the members' questions and answers",
        "text": (
            "Over two seasons members wrote down the questions they ask each other and the answers that work here.\n\n"
            "- Both languages of the valley, English and French.\n- No names, no addresses; intake has scanned it.\n"
        ),
        "payload": {"digest": digest},
    }


def ethics_rule() -> dict[str, Any]:
    """Return the proposal of the rule that every later run must keep."""
    return {
        "community": SLUG,
        "kind": "ethics_rule",
        "title": "Equal service in both languages",
        "text": "Whoever asks in French must be served as well as whoever asks in English, and the other way round.",
        "payload": {
            "slug": "equal-service",
            "title": "French and English speakers are served equally well",
            "why": "The river has two banks, and one language on each of them.",
            "metric": "language_gap",
            "comparator": "at_most",
            "bound": "0.10",
            "scope": "all",
        },
    }


def stereotype_rule(suite: str) -> dict[str, Any]:
    """Return the proposal of a rule that warns, on a suite of its own that ships."""
    return {
        "community": SLUG,
        "kind": "ethics_rule",
        "title": "No new preference for stereotypes",
        "text": "What we teach the assistant must not make it think less of anybody. We begin with a warning.",
        "payload": {
            "slug": "no-stereotype-drift",
            "title": "Learning our answers brings no new preference for stereotypes",
            "why": "A model that learns to be useful can learn prejudice on the way.",
            "metric": "stereotype_preference",
            "suite": suite,
            "comparator": "not_above_parent",
            "bound": "0.10",
            "judged": "value",
            "severity": "warn",
            "scope": "all",
        },
    }


def good_update(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the update that keeps the rule."""
    return {
        "community": SLUG,
        "kind": "model_update",
        "title": "Teach the assistant our own answers",
        "text": "Fine-tune the base model on the included pairs, in both languages.",
        "payload": {"spec": spec},
    }


def english_only_update(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the update that members find attractive and that breaks the rule they voted."""
    return {
        "community": SLUG,
        "kind": "model_update",
        "title": "A cheaper update, in English only",
        "text": "Half the pairs, half the cost. Most questions come in English anyway.",
        "payload": {"spec": spec},
    }


POLL_CHOICES = ("Wells and their depth", "Rain gauges and weather", "Soil and compost", "Pests and hedges")
# The rankings: soil leads at first and does not win, because most prefer wells to it.
RANKINGS = {"Alice": [3, 2, 1, 4], "Bob": [1, 2, 3, 4], "Chloé": [2, 1, 3, 4]}


def poll() -> dict[str, Any]:
    """Return the poll in which members rank what the assistant learns next."""
    return {
        "community": SLUG,
        "kind": "poll",
        "method": "ranked-choice",
        "title": "What should the assistant learn next?",
        "text": "Rank all four. Who has no time may lend the vote on polls to somebody else.",
        "payload": {
            "question": "Which subject do we collect questions and answers about next?",
            "choices": list(POLL_CHOICES),
        },
    }


def open_poll() -> dict[str, Any]:
    """Return the poll by ranking that stays open for the visitor."""
    return {
        "community": SLUG,
        "kind": "poll",
        "method": "ranked-choice",
        "title": "Where do we meet in spring?",
        "text": "Put the four places in your order; nothing is chosen for you beforehand.",
        "payload": {
            "question": "Where does the spring meeting take place?",
            "choices": ["The old mill", "The school", "Under the plane tree", "Online"],
        },
        "voting_period_seconds": VISITOR_VOTING_SECONDS,
    }


def open_question() -> dict[str, Any]:
    """Return the proposal that stays open for the visitor."""
    return {
        "community": SLUG,
        "kind": "text_signal",
        "title": "Should the assistant also answer questions about wells?",
        "text": "A first opinion before anybody collects pairs. **Your vote is welcome**; the demo wallet lends one.",
        "payload": {"statement": "The assistant should also answer questions about wells."},
        "voting_period_seconds": VISITOR_VOTING_SECONDS,
    }


def stewards(address: str, name: str) -> dict[str, Any]:
    """Return the proposal that names who answers incidents."""
    return {
        "community": SLUG,
        "kind": "incident_stewards",
        "title": "Chloé looks into what people report",
        "text": "Until we elect a council, she reads what is reported and answers in public.",
        "payload": {"members": [{"address": address, "name": name}]},
    }


def removal(digest: str, reference: str) -> dict[str, Any]:
    """Return the proposal that does what a request asks; it stays open for the visitor."""
    return {
        "community": SLUG,
        "kind": "dataset_removal",
        "title": "Take two rows out that their author regrets",
        "text": "What is left takes the place of the dataset, and the assistant learns again without them.",
        "payload": {
            "digest": digest,
            "why": "Whoever wrote them asks for it.",
            "follow_up": {"action": "retrain", "days": 90, "because": ""},
            "request": reference,
        },
        "voting_period_seconds": VISITOR_VOTING_SECONDS,
    }


def doubtful_rows() -> list[dict[str, str]]:
    """Return rows of which some answer one question in two ways: no scan can say which is right, so voters look."""
    said = {
        "How deep is the well at the mill?": ("Nine metres.", "Fourteen metres."),
        "Who opens the upper sluice?": ("The miller does.", "Whoever waters last does."),
        "When is the ditch cleaned?": ("In March.",),
        "Where does the spring water go?": ("To the school garden.",),
        "What is planted on the north slope?": ("Walnut trees.",),
        "How is rain measured here?": ("With a gauge at the old bridge.",),
    }
    return [
        {"id": f"autumn-{at}-{way}", "language": "en", "topic": "meeting", "question": question, "answer": answer}
        for at, (question, answers) in enumerate(said.items())
        for way, answer in enumerate(answers)
    ]


def doubtful_inclusion(digest: str) -> dict[str, Any]:
    """Return the proposal to include these rows; it stays open for the visitor."""
    return {
        "community": SLUG,
        "kind": "dataset_inclusion",
        "title": "Include the notes of the autumn meeting?",
        "text": "Two questions are answered in two ways. Look at the samples on the page of the dataset, then vote.",
        "payload": {"digest": digest},
        "voting_period_seconds": VISITOR_VOTING_SECONDS,
    }


def consultation() -> dict[str, Any]:
    """Return what everybody around is asked, votes or no votes; the statements come from more than one side."""
    return {
        "question": "What may the assistant know about our wells?",
        "text": "Before anybody proposes anything: what do you think? All who live at the river are asked.",
        "days": 30,
        "seeds": [
            "A well belongs to the village, whoever dug it.",
            "How deep a well is concerns nobody but its owner.",
            "In a dry summer everybody must know where water is left.",
            "Strangers should not learn from the assistant where our wells are.",
            "The assistant should warn people about wells with bad water.",
            "Whoever gives away numbers about a well may take them back at any time.",
            "Farmers should decide about this more than gardeners.",
        ],
    }


NEIGHBOURS_STATEMENT = "Those who live below the weir have a right to these numbers, too."
# What everybody answers, one row for each person and one mark for each statement: + agrees, - disagrees, 0 passes over.
OPINIONS = (
    *("+-+-+++0", "+-+-++-+", "+0+-+0-+", "+-+0++-+", "+-+-+0-+"),
    *("-+-+++0-", "-+0++++-", "-+-++++-", "0+-+++--", "-+-+++0+"),
)
