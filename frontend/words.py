"""The words of the site for the stable keys of the other apps: states, choices, conditions, record kinds, metrics.

Keys stay keys in records and the API; only here do they become language. A key that is not in a table (a new metric, a
new scan) is shown as its own words, so that an extension never has to edit this file to be readable.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from frontend import numbers
from models_registry import metrics

Text: TypeAlias = str | Promise


@dataclass(frozen=True)
class Word:
    """How a key is shown: label, icon, tone (a colour that never stands alone), and one explaining sentence."""

    label: Text
    icon: str = "dot"
    tone: str = "quiet"
    says: Text = ""


PROPOSAL_STATES: dict[str, Word] = {
    "draft": Word(_("Draft"), "pencil", "quiet", _("Only its author sees it.")),
    "pending": Word(_("Opens soon"), "clock", "quiet", _("Published and frozen; voting has not opened yet.")),
    "active": Word(_("Open for voting"), "drop", "live", _("Members can vote and change their vote.")),
    "closing": Word(_("Counting"), "hourglass", "live", _("Voting has ended; the ballots are being counted.")),
    "defeated": Word(_("Not passed"), "cross", "no", _("The vote did not reach what it needed.")),
    "succeeded": Word(_("Passed"), "check", "yes", _("The vote passed; it is about to enter its waiting time.")),
    "queued": Word(_("Passed, waiting"), "hourglass", "yes", _("Passed; a waiting time lets people object or leave.")),
    "ready": Word(_("Ready to carry out"), "arrow", "yes", _("The waiting time is over; it is carried out next.")),
    "expired": Word(_("Lapsed"), "clock", "no", _("It passed but was not carried out in time.")),
    "executed": Word(_("Carried out"), "check-circle", "done", _("It passed and was carried out.")),
    "canceled": Word(_("Withdrawn"), "minus", "quiet", _("It was taken back and will not be carried out.")),
}

RUN_STATES: dict[str, Word] = {
    "queued": Word(_("In line"), "clock", "quiet", _("Waiting for a machine.")),
    "waiting": Word(_("Waiting to retry"), "clock", "quiet", _("An attempt failed; the next one starts by itself.")),
    "running": Word(_("Training"), "wave", "live", _("A machine is training the model now.")),
    "stalled": Word(_("Stalled"), "warning", "warn", _("The machine went silent; another one will take over.")),
    "evaluating": Word(_("Being measured"), "scale", "live", _("Training is done; the result is being measured.")),
    "accepted": Word(_("Accepted"), "check-circle", "done", _("The result satisfies every rule in force.")),
    "rejected": Word(_("Rejected"), "cross", "no", _("The result breaks a rule; it is not published.")),
    "failed": Word(_("Failed"), "warning", "no", _("Training could not be completed.")),
    "stopping": Word(_("Stopping"), "hourglass", "quiet", _("It was canceled; the machine is being told.")),
    "canceled": Word(_("Canceled"), "minus", "quiet", _("It was canceled before it ended.")),
}

CHOICES: dict[str, Word] = {
    "for": Word(pgettext_lazy("vote", "For"), "check", "for"),
    "against": Word(pgettext_lazy("vote", "Against"), "cross", "against"),
    "abstain": Word(pgettext_lazy("vote", "Abstain"), "minus", "abstain"),
}

CONDITIONS: dict[str, Word] = {
    "quorum": Word(_("Quorum"), says=_("Enough voting power took part (for and abstain count).")),
    "majority": Word(_("Majority"), says=_("Enough of the power for or against was in favour; a tie does not pass.")),
}

MOMENTS: dict[str, Word] = {
    "submitted": Word(_("Published"), "pencil"),
    "opens": Word(_("Voting opens"), "drop"),
    "closes": Word(_("Voting closes"), "clock"),
    "decided": Word(_("Counted"), "scale"),
    "queued": Word(_("Waiting time starts"), "hourglass"),
    "eta": Word(_("Waiting time ends"), "arrow"),
    "executed": Word(_("Carried out"), "check-circle"),
    "expires": Word(_("Lapses if not carried out"), "clock"),
    "canceled": Word(_("Withdrawn"), "minus"),
}

RECORD_KINDS: dict[str, Word] = {
    "release": Word(_("Release"), "drop", says=_("The published model, signed with the community's key.")),
    "evaluation": Word(_("Evaluation"), "scale", says=_("What was measured, and the verdict under the rules.")),
    "run": Word(_("Training run"), "wave", says=_("What the machine did, with the digest of every file it made.")),
    "spec": Word(_("Specification"), "list", says=_("Everything that determines the training, as it was approved.")),
    "dataset": Word(_("Dataset"), "layers", says=_("The data by its digest, with what the scans found.")),
    "rule": Word(_("Ethics rule"), "shield", says=_("A bound that every result has to keep.")),
    "execution": Word(_("Execution"), "arrow", says=_("The decision took effect after its waiting time.")),
    "decision": Word(_("Decision"), "check-circle", says=_("Passed or not, with the numbers of each condition.")),
    "tally": Word(_("Count"), "scale", says=_("The totals, and the root of the tree over all counted ballots.")),
    "proposal": Word(_("Proposal"), "pencil", says=_("The text, the payload and the rules, frozen before the vote.")),
    "community": Word(_("Community"), "people", says=_("Who they are: token, chain and release key.")),
    "ballot": Word(_("Ballot"), "drop", says=_("A vote signed by a member's wallet.")),
}

METRICS: dict[str, Word] = {
    name: Word(metric.label, says=metric.description) for name, metric in metrics.METRICS.items()
}

SCANS: dict[str, Word] = {
    "schema_and_languages": Word(_("Form and languages"), says=_("Every row has its fields and a known language.")),
    "exact_duplicates": Word(_("Exact repetitions"), says=_("The same question and answer more than once.")),
    "near_duplicates": Word(
        _("Near repetitions"), says=_("Rows that are equal but for case, accents and punctuation.")
    ),
    "personal_data": Word(_("Personal data and secrets"), says=_("E-mail addresses, telephone numbers, cards, keys.")),
    "hidden_characters": Word(_("Hidden characters"), says=_("Invisible marks that could hide words.")),
    "contamination": Word(_("Held-out questions"), says=_("Questions of the evaluation suite inside the data.")),
    "licence": Word(_("Licence"), says=_("The licence allows training and sharing the result.")),
}

COMPARATORS: dict[str, Word] = {
    "at_most": Word(_("at most")),
    "at_least": Word(_("at least")),
    "not_below_parent": Word(_("not below the version before, less a margin of")),
}

RUN_EVENTS: dict[str, Word] = {
    "claimed": Word(_("A machine took the run")),
    "started": Word(_("Training started")),
    "step": Word(_("Step")),
    "checkpoint": Word(_("Checkpoint saved")),
    "finished": Word(_("Training finished")),
    "trained": Word(_("Result handed over")),
    "failed": Word(_("Failed")),
    "evaluating": Word(_("Measuring the result")),
    "evaluated": Word(_("Result measured")),
    "judged": Word(_("Judged by the rules")),
    "stopped": Word(_("Stopped")),
}

OUTCOMES: dict[str, Word] = {
    "": Word(_("at work"), "wave", "live"),
    "finished": Word(_("finished"), "check", "yes"),
    "lost": Word(_("went silent"), "warning", "warn"),
    "canceled": Word(_("canceled"), "minus", "quiet"),
}

CHECKS: dict[str, Word] = {
    "passed": Word(_("Holds"), "check", "yes"),
    "failed": Word(_("Does not hold"), "cross", "no"),
    "not_checked": Word(_("Not checked"), "minus", "quiet"),
}

# The twelve checks of a release, by number; what each found is shown as the verifier wrote it.
FINDINGS: dict[int, Text] = {
    1: _("Records are canonical, complete and in order"),
    2: _("Every record rests on what it must"),
    3: _("Ballots are signed by their voters"),
    4: _("The counts come out the same"),
    5: _("Decisions follow from the counts and the rules"),
    6: _("Delays and waiting times were respected"),
    7: _("Specification, datasets and rules are the approved ones"),
    8: _("The files are those of the run"),
    9: _("The verdict follows from the rules and the measurements"),
    10: _("The release is signed with the community's key"),
    11: _("Voting power matches the chain"),
    12: _("Training again gives the same bytes"),
}

MEASURED: dict[str, Word] = {"parent": Word(_("version before")), "candidate": Word(_("this result"))}
LANGUAGES: dict[str, Word] = {"en": Word(_("English")), "fr": Word(_("French"))}
ROLES: dict[str, Word] = {"training": Word(_("for training")), "evaluation": Word(_("for measuring"))}

TABLES: dict[str, dict[str, Word]] = {
    "proposal_state": PROPOSAL_STATES,
    "run_state": RUN_STATES,
    "choice": CHOICES,
    "condition": CONDITIONS,
    "moment": MOMENTS,
    "record": RECORD_KINDS,
    "metric": METRICS,
    "comparator": COMPARATORS,
    "run_event": RUN_EVENTS,
    "outcome": OUTCOMES,
    "check": CHECKS,
    "scan": SCANS,
    "language": LANGUAGES,
    "role": ROLES,
    "measured": MEASURED,
}


def word(table: str, key: str) -> Word:
    """Return how a key is shown; an unknown key is its own words."""
    found = TABLES[table].get(str(key))
    return found or Word(str(key).replace("_", " ").replace("-", " ").capitalize())


# What a refusal says to a reader, by its code. Any other code is shown with the detail that the refusal carries.
REFUSALS: dict[str, Text] = {
    "missing_field": _("This is needed."),
    "malformed_field": _("This cannot be read as what is asked for."),
    "value_out_of_range": _("This is outside what is possible (found %(found)s, allowed %(allowed)s)."),
    "unknown_base": _("Choose a version of this community to start from."),
    "dataset_not_included": _("Choose at least one dataset, and only such that a vote has included."),
    "unknown_language": _("The dataset has no rows in this language."),
    "unknown_suite": _("Choose an evaluation suite."),
    "unknown_dataset": _("Choose a dataset that has been registered."),
    "wrong_role": _("Questions for measuring are held out: models never learn from them. Choose another dataset."),
    "already_included": _("A vote has included this dataset already."),
    "dataset_differs": _("The dataset has changed since this was written. Choose it again."),
    "unknown_metric": _("Choose a metric that is measured."),
    "unknown_scope": _("Choose all models, or one of this community."),
    "rule_in_force": _("A rule with this short name is in force already."),
    "no_rules": _("Adopt an ethics rule first: without one nothing could judge the result."),
    "budget_exceeded": _("This is more work than the budget pays for. Raise the budget or ask for less work."),
    "scan_failed": _("A scan found something that blocks this dataset."),
    "below_threshold": _(
        "Submitting needs more voting power: you had %(found_power)s at the snapshot, %(allowed_power)s are needed."
    ),
    "too_many_open": _("You have %(found)s open proposals; at most %(allowed)s are allowed at once."),
    "too_many_drafts": _("You have as many drafts as are kept. Submit one or withdraw one first."),
    "proposal_frozen": _("This proposal was submitted and can no longer be changed. Withdraw it and write another."),
    "length_out_of_range": _("This is empty, or longer than is possible."),
    "forbidden_character": _("This has a character that cannot be kept. Please write it anew."),
    "no_power_exists": _("Nobody holds votes yet, so nothing can be put to the vote."),
    "snapshot_changed": _("The members are not those that were frozen with this proposal. Please tell the community."),
    "chain_not_configured": _("This site is not connected to the chain that counts votes. Please tell the operator."),
    "not_the_author": _("Only the author may do this."),
    "database_busy": _("The database did not answer in time. Nothing was changed; please try again."),
    "snapshot_reorged": _("The chain has dropped the block of the snapshot, so this vote cannot be counted."),
    "blocked_payload_changed": _("What is stored is not what was voted on. Nothing is carried out."),
    "release_key_unavailable": _("The key that signs releases is not there. The release waits for it."),
    "chain_unavailable": _("The chain does not answer at the moment. Nothing was changed; please try again."),
    "wrong_state": _("The proposal has moved on since this page was opened. Nothing was changed."),
}


GATES: dict[str, Text] = {
    "at_most": _("at most %(bound)s"),
    "at_least": _("at least %(bound)s"),
    "not_below_parent": _("at least %(parent)s (the version before) less %(bound)s"),
}


def gate(comparator: str, values: dict[str, str]) -> str:
    """Return what a gate demands."""
    return str(GATES[comparator]) % values


def refusal(code: str, detail: str, found: object = None, allowed: object = None) -> str:
    """Return a refusal as a sentence for a reader."""
    length = _LENGTH.search(detail) if code == "length_out_of_range" else None
    if length is not None:
        return _wrong_length(int(length["found"]), int(length["most"]))
    template = REFUSALS.get(code)
    if template is None:
        return detail[:1].upper() + detail[1:]
    values = {
        "detail": detail,
        "found": found,
        "allowed": allowed,
        "found_power": _power(found),
        "allowed_power": _power(allowed),
    }
    return str(template) % values


# How services word a length that is refused.
_LENGTH = re.compile(r"(?P<found>\d+) characters found, (?:\d+ to|at most) (?P<most>\d+) allowed")


def _wrong_length(found: int, most: int) -> str:
    if found == 0:
        return str(REFUSALS["missing_field"])
    return gettext("%(found)s characters are too many; at most %(most)s are possible.") % {
        "found": numbers.grouped(found),
        "most": numbers.grouped(most),
    }


def _power(value: object) -> str:
    text = str(value)
    return numbers.power(int(text)) if text.isascii() and text.isdigit() else text
