"""TOPICS: what people can be told, what brings it, whom it concerns, and how they hear of it unless they say otherwise.

Pure. A topic is brought by events of a community's log, or by a moment that comes with time. The order matters: one
thing is told to one reader once, under the first topic that reaches them and that they have not switched off; so what
asks something of somebody stands before what only informs.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Channel(StrEnum):
    """How a reader hears of a topic. All but the last one keep it in the inbox, too."""

    NOW = "now"  # a letter at once
    DAILY = "daily"  # in a letter once a day
    WEEKLY = "weekly"  # in a letter once a week
    INBOX = "inbox"  # no letter
    OFF = "off"


DIGESTS: Final = (Channel.DAILY, Channel.WEEKLY)


class Concern(StrEnum):
    """Whom something concerns."""

    COMMUNITY = "community"  # follows the community
    DECISION = "decision"  # follows the decision
    MODEL = "model"  # follows the model
    VOTER = "voter"  # can vote on the decision
    NOT_VOTED = "not_voted"  # can vote on the decision, and has not
    VOTED = "voted"  # has voted on the decision
    DELEGATOR = "delegator"  # lent power to whoever voted, and has not voted
    DELEGATE = "delegate"  # was lent power, or lost it
    AUTHOR = "author"  # wrote the decision
    GUARDIAN = "guardian"  # sits in the council
    STEWARD = "steward"  # answers incidents
    KEEPER = "keeper"  # keeps something that is waited for
    HOLDER = "holder"  # had power in the community's newest census
    INVITED = "invited"  # was asked to write the draft together, and has not answered
    COMMENTER = "commenter"  # wrote the comment
    ANSWERED = "answered"  # wrote what the comment answers
    TALKING = "talking"  # has said something about the decision
    MODERATOR = "moderator"  # may hide comments
    KEYHOLDER = "keyholder"  # opens the sealed ballots of the decision
    ASKER = "asker"  # asked the community
    STATED = "stated"  # wrote the statement
    ANSWERER = "answerer"  # may answer the appeal about a statement
    PAYEE = "payee"  # operates the site that is paid on chain, or holds the address that is paid


class Moment(StrEnum):
    """What time brings, without an event."""

    OPENS = "opens"
    ENDS_SOON = "ends_soon"
    KEY_DUE = "key_due"  # a sealed vote does not wait much longer for keys
    OPENING_ASKED = "opening_asked"  # a sealed vote has closed
    OPENING_DUE = "opening_due"  # it does not wait much longer for secrets
    CONSULTATION_ENDS = "consultation_ends"


# What asks keyholders for something.
OF_KEYHOLDERS: Final = (Moment.KEY_DUE, Moment.OPENING_ASKED, Moment.OPENING_DUE)


@dataclass(frozen=True)
class Topic:
    """One line of the table. `events` are kinds of the log; `asks` says that the reader is asked to do something."""

    key: str
    concerns: tuple[Concern, ...]
    default: Channel
    events: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = ()
    asks: bool = False


_FOLLOWERS = (Concern.DECISION, Concern.COMMUNITY)
_OF_MODEL = (Concern.MODEL, Concern.DECISION, Concern.COMMUNITY)
_RUN_ENDS = ("run_judged", "run_failed", "run_canceled", "run_paused", "run_at_ceiling")

TOPICS: Final = (
    Topic(
        "vote_waits_for_you",
        (Concern.NOT_VOTED,),
        Channel.NOW,
        moments=(Moment.ENDS_SOON,),
        asks=True,
    ),
    Topic("delegate_voted", (Concern.DELEGATOR,), Channel.NOW, events=("ballot_cast",)),
    Topic(
        "power_lent",
        (Concern.DELEGATE,),
        Channel.DAILY,
        events=("delegation_made", "delegation_revoked", "delegation_relayed"),
    ),
    Topic(
        "own_proposal",
        (Concern.AUTHOR,),
        Channel.NOW,
        events=(
            "draft_sponsored",
            "veto_voiced",
            "proposal_vetoed",
            "execution_paused",
            "step_refused",
            "snapshot_reorged",
            "voting_closed",
            "proposal_executed",
            "run_judged",
            "run_failed",
            "run_paused",
            "run_at_ceiling",
            "run_ceiling_raised",
            "release_refused",
        ),
    ),
    Topic("invited_to_write", (Concern.INVITED,), Channel.NOW, events=("draft_co_author_invited",), asks=True),
    Topic(
        "own_comment",
        (Concern.COMMENTER,),
        Channel.NOW,
        events=("comment_hidden", "comment_shown_again", "comment_appeal_declined", "comment_appeal_granted"),
    ),
    Topic("comment_answered", (Concern.ANSWERED,), Channel.DAILY, events=("comment_written",)),
    Topic(
        "moderator_duty",
        (Concern.MODERATOR,),
        Channel.DAILY,
        events=("comment_reported", "comment_appealed"),
        asks=True,
    ),
    Topic(
        "own_statement",
        (Concern.STATED,),
        Channel.NOW,
        events=("statement_hidden", "statement_appeal_answered"),
    ),
    Topic("appeal_duty", (Concern.ANSWERER,), Channel.DAILY, events=("statement_appealed",), asks=True),
    Topic("guardian_duty", (Concern.GUARDIAN,), Channel.NOW, events=("proposal_queued",), asks=True),
    Topic(
        "steward_duty",
        (Concern.STEWARD,),
        Channel.NOW,
        events=("incident_reported", "incident_waits"),
        asks=True,
    ),
    Topic("settlement_duty", (Concern.STEWARD,), Channel.NOW, events=("settlement_halted",), asks=True),
    Topic(
        "own_payout",
        (Concern.PAYEE,),
        Channel.NOW,
        events=(
            "settlement_approved",
            "settlement_paid",
            "settlement_unmatched",
            "settlement_withdrawn",
            "settlement_halted",
            "settlement_resumed",
        ),
    ),
    Topic("keeper_duty", (Concern.KEEPER,), Channel.NOW, events=("openings_awaited",), asks=True),
    Topic(
        "keyholder_duty",
        (Concern.KEYHOLDER,),
        Channel.NOW,
        events=("proposal_submitted",),
        moments=OF_KEYHOLDERS,
        asks=True,
    ),
    Topic("review_duty", (Concern.VOTER,), Channel.DAILY, events=("review_opened",), asks=True),
    Topic("sponsors_sought", (Concern.HOLDER,), Channel.WEEKLY, events=("draft_seeks_sponsors",), asks=True),
    Topic(
        "vote_opened",
        (Concern.VOTER, Concern.KEYHOLDER, *_FOLLOWERS),
        Channel.DAILY,
        moments=(Moment.OPENS,),
        asks=True,
    ),
    Topic(
        "consulted",
        (Concern.HOLDER, *_FOLLOWERS),
        Channel.DAILY,
        events=("consultation_opened",),
        asks=True,
    ),
    Topic("consultation_ends", _FOLLOWERS, Channel.INBOX, moments=(Moment.CONSULTATION_ENDS,)),
    Topic("consultation_counted", (Concern.ASKER, *_FOLLOWERS), Channel.DAILY, events=("consultation_counted",)),
    Topic("vote_ends", _FOLLOWERS, Channel.INBOX, moments=(Moment.ENDS_SOON,)),
    Topic("decided", (Concern.VOTED, *_FOLLOWERS), Channel.DAILY, events=("voting_closed",)),
    Topic(
        "stopped",
        (Concern.VOTED, *_FOLLOWERS),
        Channel.DAILY,
        events=("proposal_canceled", "proposal_returned", "proposal_vetoed", "execution_paused"),
    ),
    Topic(
        "discussion",
        (Concern.AUTHOR, Concern.DECISION, Concern.TALKING),
        Channel.INBOX,
        events=("comment_written",),
    ),
    Topic("carried_out", _FOLLOWERS, Channel.INBOX, events=("proposal_executed",)),
    Topic("run_started", _OF_MODEL, Channel.INBOX, events=("run_created", "run_ceiling_raised")),
    Topic("run_ended", _OF_MODEL, Channel.DAILY, events=_RUN_ENDS),
    Topic("released", _OF_MODEL, Channel.DAILY, events=("version_released",)),
    Topic(
        "release_stopped",
        _OF_MODEL,
        Channel.NOW,
        events=(
            "release_paused",
            "release_held",
            "release_pause_ended",
            "release_withdrawn",
            "release_rolled_back",
        ),
    ),
    Topic(
        "incident",
        (Concern.MODEL, Concern.COMMUNITY),
        Channel.DAILY,
        events=("incident_reported", "incident_answered"),
    ),
    Topic("revote", (Concern.MODEL, Concern.COMMUNITY), Channel.INBOX, events=("revote_called",)),
)

BY_KEY: Final = {topic.key: topic for topic in TOPICS}
# The kinds that are read from the log; all others are passed over.
EVENT_KINDS: Final = frozenset(kind for topic in TOPICS for kind in topic.events)
# The event that is far more frequent than all others, and concerns few: it is looked at in groups.
BALLOT: Final = "ballot_cast"


def brought_by(kind: str) -> tuple[Topic, ...]:
    """Return the topics that an event or a moment brings, the most personal first."""
    return tuple(topic for topic in TOPICS if kind in topic.events or kind in topic.moments)
