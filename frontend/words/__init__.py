"""The words of the site for the stable keys of the other apps: states, choices, methods, conditions, events, metrics.

Keys stay keys in records and the API; only here do they become language. A key that is not in a table (a new metric, a
new scan) is shown as its own words, so that an extension never has to edit these files to be readable. One file for
each noun.
"""

from frontend.words.appearance import APPEARANCES
from frontend.words.attestations import ATTESTED, LOOK_INTO, RERUN
from frontend.words.base import Text, Word
from frontend.words.books import ACCOUNT_KINDS, ENTRY_KINDS, SETTLEMENT_STATES
from frontend.words.conditions import Condition, conditions
from frontend.words.constitution import (
    ARTICLE_STATES,
    CLASHES,
    COMPARATORS,
    DIFFERENCES,
    JUDGED,
    OUTLOOK,
    RULE_PARTS,
    RULE_SEVERITIES,
    gate,
)
from frontend.words.consultations import ANSWERS, CONSULTATION_STATES, HIDING_RULES
from frontend.words.counts import told
from frontend.words.duties import FINDINGS_OF_REVIEWERS, KEPT_OUT, TASKS
from frontend.words.events import EVENTS
from frontend.words.incidents import ANSWER_SAYS, CATEGORIES, INCIDENT_STATES, SEVERITIES
from frontend.words.intakes import INTAKE_REFUSALS, INTAKE_STATES
from frontend.words.model_map import MAP_DECISIONS, VERSION_STATUS
from frontend.words.models import (
    CHECKS,
    FINDINGS,
    INQUIRY_STATES,
    LANGUAGES,
    MEASURED,
    METRICS,
    OUTCOMES,
    PLACE_STATES,
    PREVIEW_STATES,
    RECORD_KINDS,
    ROLES,
    ROWS,
    RUN_EVENTS,
    RUN_STATES,
    TARGETS,
    TRIAL_STATES,
    by_classifier,
)
from frontend.words.moderation import COMMENT_ROLES, COMMENT_STATES, MODERATION_RULES
from frontend.words.needs import NEEDS
from frontend.words.news import CHANNELS, NEWS_TOPICS
from frontend.words.proposals import CHOICES, CONDITIONS, MOMENTS, PROPOSAL_STATES, choice, latest_step, reason
from frontend.words.refusals import REFUSALS, refusal
from frontend.words.replays import REPLAY_FAILURES, REPLAY_VERDICTS
from frontend.words.rights import CONSENTS, FOLLOW_UPS, OWED, REMOVAL_SCOPES, REMOVAL_STATES, SEARCHED
from frontend.words.rules import Rule, rules
from frontend.words.scans import SCANS
from frontend.words.search import FOUND_KINDS
from frontend.words.votes import METHODS, SOURCES, TIE_RULES, TIERS
from frontend.words.waiting import ALLOTMENT_ENDS, DOUBTS, SITE_STANDINGS, SPOT_CHECKS
from training_jobs.commons.policy_parameters import KIND_NAMES

TABLES: dict[str, dict[str, Word]] = {
    "appearance": APPEARANCES,
    "proposal_state": PROPOSAL_STATES,
    "found_kind": FOUND_KINDS,
    "need": NEEDS,
    "run_state": RUN_STATES,
    "preview_state": PREVIEW_STATES,
    "trial_state": TRIAL_STATES,
    "inquiry_state": INQUIRY_STATES,
    "answer_says": ANSWER_SAYS,
    "intake_state": INTAKE_STATES,
    "choice": CHOICES,
    "condition": CONDITIONS,
    "moment": MOMENTS,
    "method": METHODS,
    "tie_rule": TIE_RULES,
    "tier": TIERS,
    "source": SOURCES,
    "event": EVENTS,
    "record": RECORD_KINDS,
    "metric": METRICS | TASKS,
    "finding": FINDINGS_OF_REVIEWERS,
    "kept_out": KEPT_OUT,
    "comparator": COMPARATORS,
    "rule_severity": RULE_SEVERITIES,
    "rule_part": RULE_PARTS,
    "judged": JUDGED,
    "article_state": ARTICLE_STATES,
    "difference": DIFFERENCES,
    "clash": CLASHES,
    "outlook": OUTLOOK,
    "run_event": RUN_EVENTS,
    "outcome": OUTCOMES,
    "place_state": PLACE_STATES,
    "check": CHECKS,
    "scan": SCANS,
    "target": TARGETS,
    "language": LANGUAGES,
    "role": ROLES,
    "rows": ROWS,
    "measured": MEASURED,
    "attested": ATTESTED,
    "rerun": RERUN,
    "consent": CONSENTS,
    "removal_scope": REMOVAL_SCOPES,
    "removal_state": REMOVAL_STATES,
    "follow_up": FOLLOW_UPS,
    "owed": OWED,
    "searched": SEARCHED,
    "incident_state": INCIDENT_STATES,
    "incident_category": CATEGORIES,
    "severity": SEVERITIES,
    "news_topic": NEWS_TOPICS,
    "channel": CHANNELS,
    "version_status": VERSION_STATUS,
    "map_decision": MAP_DECISIONS,
    "newcomer_kind": {name: Word(label) for name, label in KIND_NAMES.items()},
    "replay_failure": REPLAY_FAILURES,
    "replay_verdict": REPLAY_VERDICTS,
    "site_standing": SITE_STANDINGS,
    "allotment_end": ALLOTMENT_ENDS,
    "spot_check": SPOT_CHECKS,
    "doubt": DOUBTS,
    "account_kind": ACCOUNT_KINDS,
    "settlement_state": SETTLEMENT_STATES,
    "entry_kind": ENTRY_KINDS,
    "moderation_rule": MODERATION_RULES,
    "consultation_state": CONSULTATION_STATES,
    "statement_answer": ANSWERS,
    "hiding_rule": HIDING_RULES,
    "comment_state": COMMENT_STATES,
    "comment_role": COMMENT_ROLES,
}


def word(table: str, key: str) -> Word:
    """Return how a key is shown; an unknown key is its own words."""
    found = TABLES[table].get(str(key)) or (by_classifier(str(key)) if table == "metric" else None)
    return found or Word(str(key).replace("_", " ").replace("-", " ").capitalize())


__all__ = [
    "CHOICES",
    "FINDINGS",
    "INTAKE_REFUSALS",
    "LOOK_INTO",
    "METHODS",
    "REFUSALS",
    "TABLES",
    "Condition",
    "Rule",
    "Text",
    "Word",
    "choice",
    "conditions",
    "gate",
    "latest_step",
    "reason",
    "refusal",
    "rules",
    "told",
    "word",
]
