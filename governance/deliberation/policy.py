"""The published policy: by which rules a text may be hidden, and how much one may write. Pure.

The words of the rules stand in `frontend/words/moderation.py`. A text is hidden by one of these rules and for a reason
that everybody reads, never for the opinion in it.
"""

from typing import Final

RULES: Final = (
    "attack",  # insults or threatens people
    "hate",  # degrades people for what they are
    "private_data",  # says what is private to somebody
    "spam",  # advertises, or says the same again and again
    "off_topic",  # has nothing to do with what is being decided
    "deceit",  # pretends to be somebody, or leads into a trap
    "unlawful",  # must not be published by law
)

TEXT_MAX: Final = 5_000
NAME_MAX: Final = 60
REASON_MAX: Final = 500
REPORT_MAX: Final = 500
APPEAL_MAX: Final = 1_000

# By one person: so many comments within so many seconds.
LIMITS: Final = ((600, 10), (24 * 3600, 60))
EDITS_MAX: Final = 50
REPORTS_PER_DAY_MAX: Final = 20
COMMENTS_MAX: Final = 20_000  # of one proposal
