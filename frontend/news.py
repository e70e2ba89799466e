"""News in words: sentence, subject, link, and why somebody gets it. The inbox, letters and feeds share it.

Titles and reasons are strangers' texts: they become one line without control characters, and are cut.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from frontend import numbers, words
from frontend.templatetags.commonweights import localised
from frontend.words.books import amount
from frontend.words.news import ELSE, NEWS_TOPICS, SAYS, Says
from governance.clock import unix
from governance.notifications.telling import SEALED, News, Voted
from governance.sentences import condition_sentence
from training_jobs.failures import failure

TITLE_MAX = 90
REASON_MAX = 400
SUBJECT_MAX = 120
_SHORT = 10


@dataclass(frozen=True)
class Told:
    """One thing as people read it. `path` is an address of this site; `more` is a second sentence, or nothing."""

    news: News
    subject: str
    sentence: str
    more: str
    action: str
    path: str
    why: str
    icon: str


def told(news: News) -> Told:
    """Put one thing into words, in the language that is active."""
    says = _says(news)
    values = _values(news)
    topic = NEWS_TOPICS.get(news.topic)
    return Told(
        news=news,
        subject=one_line(str(says.subject) % values, SUBJECT_MAX),
        sentence=str(says.sentence) % values,
        more=_more(news),
        action=str(says.action),
        path=_path(news),
        why=str(topic.says) if topic else "",
        icon=topic.icon if topic else words.word("event", news.kind).icon,
    )


def one_line(text: str, most: int) -> str:
    """Return a stranger's text as one line: no control or invisible formatting characters, cut with an ellipsis."""
    spaced = "".join(" " if each.isspace() else each for each in text)
    clean = "".join(each for each in spaced if unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    line = " ".join(clean.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _says(news: News) -> Says:
    key = news.kind
    if key == "voting_closed":
        key += ":passed" if news.said.get("passed") else ":failed"
    elif key == "run_judged":
        key += f":{news.said.get('verdict')}"
    return SAYS.get(f"{news.topic}:{key}") or SAYS.get(key) or ELSE


def _values(news: News) -> Mapping[str, str]:
    said = news.said
    opens_at = news.proposal.opens_at if news.proposal else None
    closes_at = news.proposal.closes_at if news.proposal else None
    return {
        "community": str(localised(news.community, "name")),
        "title": one_line(news.proposal.title, TITLE_MAX) if news.proposal else "",
        "question": one_line(news.question, TITLE_MAX),
        "site": one_line(str(said.get("site", "")), TITLE_MAX),
        "amount": ", ".join(amount(units, currency) for units, currency in said.get("amounts", [])),
        "payout": str(said.get("payout", "")),
        "actor": news.actor_name or short(news.actor),
        "model": _model(news),
        "version": str(said.get("version", "")),
        "subject": _model(news) if said.get("title_en") else str(said.get("rule", "")),
        "reason": one_line(str(words.reason(str(said.get("reason", "")))), REASON_MAX),
        "rules": ", ".join(said.get("rules", [])),
        "opens": _moment(unix(opens_at)) if opens_at else "",
        "ends": _moment(said.get("closes_at") or (unix(closes_at) if closes_at else None)),
        "until": _moment(said.get("until")),
        "effect": _moment(said.get("eta")),
        "choice": choice(news.voted) if news.voted else _("their vote has changed since"),
        "because": _because(news),
        "refusal": words.refusal(str(said.get("code", "")), str(said.get("detail", said.get("code", "")))),
        "failure": _failure(str(said.get("code", ""))),
    }


def _model(news: News) -> str:
    language = "title_fr" if _is_french() else "title_en"
    return one_line(str(news.said.get(language) or news.said.get("model") or ""), TITLE_MAX)


def _is_french() -> bool:
    return (get_language() or "en").startswith("fr")


def _failure(code: str) -> str:
    found = failure(code)
    return str(found.says) if found else code.replace("_", " ")


def _because(news: News) -> str:
    if news.because is None:
        return ""
    decimals = news.because.decimals
    return condition_sentence(news.because.condition, lambda power: numbers.power(power, decimals=decimals))


def choice(voted: Voted) -> str:
    """Return a ballot in words, on one line."""
    if voted.method == SEALED:
        return str(_("a sealed ballot; what it says is known once voting has closed"))
    parts = []
    for part in voted.parts:
        name = one_line(str(words.choice(part.name, binary=voted.binary).label), TITLE_MAX)
        share = f" ({numbers.percent(part.weight * 10_000 // part.of)})" if part.of else ""
        parts.append(f"{part.rank}. {name}" if part.rank else f"{name}{share}")
    return ", ".join(parts) or str(_("Blank ballot"))


def _more(news: News) -> str:
    if news.kind != "ballot_cast":
        return ""
    mine = _("If you vote yourself, your own ballot counts and theirs does not use your power.")
    reason = one_line(news.voted.reason, REASON_MAX) if news.voted else ""
    if not reason:
        return mine
    return _("Their reason: “%(reason)s”") % {"reason": reason} + " " + mine


def _path(news: News) -> str:
    """Return where it can be looked at: its own page, or else the decision, the draft or the community."""
    own = _page_of_talk(news) or _own_page(news)
    if own:
        return own
    if news.proposal is None:
        return reverse("site:community", args=[news.community.slug])
    if news.proposal.submitted_at is None:
        page = "site:draft" if news.kind == "draft_sponsored" else "site:sponsor"
        return reverse(page, args=[news.community.slug, news.proposal.pk])
    return reverse("site:proposal", args=[news.community.slug, news.proposal.number])


def _page_of_talk(news: News) -> str:
    """Return the page of a consultation, of a comment, of keys, or of an invitation to write a draft together."""
    slug, number, consultation = news.community.slug, news.said.get("comment"), news.said.get("consultation")
    if news.kind.startswith(("consultation_", "statement_")) and type(consultation) is int:
        return reverse("site:consultation", args=[slug, consultation])
    if news.proposal is None:
        return ""
    if news.topic == "keyholder_duty":
        return reverse("site:proposal_keys", args=[slug, news.proposal.number])
    if news.kind == "draft_co_author_invited":
        return reverse("site:co_authors", args=[slug, news.proposal.pk])
    if news.kind.startswith("comment_") and type(number) is int:
        return reverse("site:comment", args=[slug, news.proposal.number, number])
    return ""


def _own_page(news: News) -> str:
    slug, said, kind = news.community.slug, news.said, news.kind
    of_run = kind.startswith(("run_", "review_", "openings_")) or kind == "release_refused"
    if kind.startswith("delegation_") and news.touched:
        return reverse("site:delegate", args=[slug, news.touched])
    if kind == "incident_waits" or kind.startswith("settlement_"):
        return reverse("site:incidents" if kind == "incident_waits" else "site:settlements", args=[slug])
    if kind.startswith("incident_") and type(said.get("incident")) is int:
        return reverse("site:incident", args=[slug, said["incident"]])
    if of_run and type(said.get("run")) is int:
        return reverse("site:run", args=[said["run"]])
    if not of_run and said.get("revision") and said.get("version") is not None:
        return reverse("site:release", args=[said["revision"]])
    return ""


def _moment(seconds: object) -> str:
    """Return UNIX seconds as day and time, with the zone; nothing for nothing."""
    if type(seconds) is not int:
        return ""
    # Translators: a date format of Django's, with day, month, year, hours and minutes
    return date_format(datetime.fromtimestamp(seconds, UTC), _("j M Y, H:i")) + "\u00a0UTC"


def short(address: str) -> str:
    """Return the two ends of an address."""
    return f"{address[:6]}…{address[-4:]}" if len(address) > _SHORT else address
