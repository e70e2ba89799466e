"""Template tags and filters of the site: icons, states in words, numbers, times, addresses, Markdown."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from django import template
from django.template.defaultfilters import date as format_date
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from frontend import numbers, text, words
from frontend.words import duties
from frontend.words.constitution import unmeasured
from governance import names
from governance.clock import now
from governance.kinds import all_kinds
from models_registry.constitution import payloads as in_words
from models_registry.constitution.history import Difference
from models_registry.gates import COMPARATORS
from models_registry.hidden_suites.commitment import commitment_in
from models_registry.provenance.verify import Finding, Report, Status

register = template.Library()
SHORT = 6
_LAST_PART = "the-last-part"
_FRACTION = r"-?\d{1,40}(?:/0*[1-9]\d{0,39})?"


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str) -> SafeString:
    """Return an icon of the sprite; it is decoration, the words beside it carry the meaning."""
    return format_html(
        '<svg class="icon" width="20" height="20" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def word(table: str, key: str) -> words.Word:
    """Return how a key is shown (`{% word "choice" key as w %}`)."""
    return words.word(table, key)


@register.filter
def words_of(key: str, table: str) -> str:
    """Return the label of a key. A machine of a member may say anything, so what is no text is read as one."""
    return str(words.word(table, str(key)).label)


@register.simple_tag
def pill(table: str, key: str) -> SafeString:
    """Return a state as a pill: icon, words and a tone."""
    return _pill(table, str(key), get_language())


@lru_cache(maxsize=1024)
def _pill(table: str, key: str, _language: str | None) -> SafeString:
    """Return it in the active language: lists repeat them."""
    shown = words.word(table, key)
    picture = icon(shown.icon)
    return format_html('<span class="pill pill--{}">{}<span>{}</span></span>', shown.tone, picture, shown.label)


@register.filter
def percent(basis_points: int) -> str:
    """Return basis points as a percentage."""
    return numbers.percent(basis_points)


@register.filter
def bar(basis_points: int) -> str:
    """Return basis points as an SVG length, with a point whatever the language."""
    whole, rest = divmod(int(basis_points), 100)
    return f"{whole}.{rest:02d}%"


@register.filter
def share_of(part: int, whole: int) -> int:
    """Return part of whole in basis points, at most 10000: for a bar's width."""
    return min(10_000, int(part) * 10_000 // int(whole)) if whole else 0


@register.simple_tag
def measured(value: Fraction | None, unit: str = "") -> str:
    """Return an exact ratio in words."""
    return numbers.ratio(value, unit)


@register.simple_tag
def apart(value: Fraction, unit: str = "") -> str:
    """Return a difference in words, with its sign."""
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{numbers.ratio(abs(value), unit)}"


@register.filter
def exact(found: str) -> str:
    """Return what a gate found in the reader's words, exactly: "3/8" becomes "37.5% (3/8)".

    An interval is added as shares alone; what is no fraction stays as it is.
    """
    match = re.fullmatch(rf"({_FRACTION})(?: \(({_FRACTION}) to ({_FRACTION})\))?( against the parent)?", str(found))
    if match is None:
        return duties.found(str(found)) or unmeasured(str(found))
    value, low, high, against = match.groups()
    said = f"{_share(value)} ({value})" if "/" in value else _share(value)
    if low is not None:
        ends = {"value": said, "low": _share(low), "high": _share(high)}
        said = gettext("%(value)s, between %(low)s and %(high)s") % ends
    return gettext("%(value)s against the version before") % {"value": said} if against else said


def _share(text: str) -> str:
    """Return a fraction as a share, also a difference below zero."""
    value = Fraction(text)
    return f"\N{MINUS SIGN}{numbers.ratio(-value)}" if value < 0 else numbers.ratio(value)


@register.filter
def size(count: int) -> str:
    """Return bytes in words."""
    return numbers.size(count)


@register.filter
def duration(seconds: int) -> str:
    """Return seconds in words."""
    return numbers.duration(seconds)


@register.filter
def grouped(value: int) -> str:
    """Return a whole number with separators."""
    return numbers.grouped(int(value))


@register.simple_tag(takes_context=True)
def when(context: Mapping[str, Any], moment: datetime | int | None, *, relative: bool = True) -> SafeString | str:
    """Return a moment as <time>: absolute with its zone, and relative to now."""
    if moment is None:
        return "–"
    if isinstance(moment, int):
        moment = datetime.fromtimestamp(moment, UTC)
    absolute = moment_text(moment)
    machine = moment.astimezone(UTC).isoformat(timespec="seconds")
    if not relative:
        return format_html('<time datetime="{}">{}</time>', machine, absolute)
    shown = numbers.relative(moment, context["now"])
    return format_html('<time datetime="{}">{} <span class="soft">({})</span></time>', machine, absolute, shown)


@register.simple_tag(takes_context=True)
def soon(context: Mapping[str, Any], moment: datetime) -> SafeString:
    """Return a moment as <time>, relative first: for lists."""
    absolute = moment_text(moment)
    machine = moment.astimezone(UTC).isoformat(timespec="seconds")
    shown = numbers.relative(moment, context["now"])
    return format_html('<time datetime="{}" title="{}">{}</time>', machine, absolute, shown)


def moment_text(moment: datetime) -> str:
    """Return a moment as day, time and zone, in the reader's language."""
    # Translators: a date format of Django's, with day, month, year, hours and minutes
    pattern = gettext("j M Y, H:i")
    return _written(pattern, get_language(), moment.astimezone(UTC).replace(second=0, microsecond=0))


@lru_cache(maxsize=2048)
def _written(pattern: str, _language: str | None, minute: datetime) -> str:
    """Return a minute by a pattern without seconds, in the active language: lists repeat them."""
    return f"{format_date(minute, pattern)}\u00a0UTC"


@register.filter
def short(value: str) -> str:
    """Return the two ends of an address or digest."""
    value = str(value)
    start = SHORT + (2 if value.startswith("0x") else 0)
    return f"{value[:start]}…{value[-4:]}" if len(value) > start + 4 else value


@register.simple_tag
def person(address: str, name: str = "") -> SafeString:
    """Return a person: the community's name for them, the name that a resolver told, and the address in short.

    The address is always there, with the whole one as a title: names are what others say.
    """
    return _person(address, name, names.known(now()).get(address))


@lru_cache(maxsize=4096)
def _person(address: str, name: str, told: tuple[str, bool] | None) -> SafeString:
    """Return them from all that is known: lists repeat people."""
    code = format_html('<code class="address" title="{}">{}</code>', address, short(address))
    if told:
        code = format_html("{} {}", _told_name(address, *told), code)
    if name:
        return format_html('<span class="person"><b>{}</b> {}</span>', name, code)
    return format_html('<span class="person">{}</span>', code) if told else code


def _told_name(address: str, name: str, has_picture: bool) -> SafeString:  # noqa: FBT001 - as it is kept
    """Return a name as a resolver told it, with its picture if there is one."""
    shown = format_html('<bdi class="told-name">{}</bdi>', name)
    if not has_picture:
        return shown
    picture = '<img class="told-picture" src="{}" alt="" width="20" height="20" loading="lazy">{}'
    return format_html(picture, reverse("site:picture", args=[address]), shown)


@register.simple_tag
def row_url(view: str, *parts: str) -> str:
    """Return what `{% url %}` does, for long lists: all but the last part is looked up once."""
    before, after = _around(view, *parts[:-1])
    return f"{before}{quote(str(parts[-1]), safe='')}{after}"


@lru_cache(maxsize=256)
def _around(view: str, *parts: str) -> tuple[str, str]:
    before, _, after = reverse(view, args=[*parts, _LAST_PART]).rpartition(_LAST_PART)
    return before, after


@register.filter
def markdown(source: str) -> SafeString:
    """Return sanitised HTML."""
    return text.render(source)


@register.filter
def markdown_below(source: str, highest: int) -> SafeString:
    """Return sanitised HTML for a place that stands below other headings: its own begin at level `highest`."""
    return text.render(source, int(highest))


@register.filter
def localised(thing: object, attribute: str) -> str:
    """Return `<attribute>_fr` or `<attribute>_en` as the reader's language is; the other one when it is empty."""
    language = "fr" if (get_language() or "en").startswith("fr") else "en"
    other = "en" if language == "fr" else "fr"
    return str(getattr(thing, f"{attribute}_{language}") or getattr(thing, f"{attribute}_{other}"))


@register.filter
def kind_label(name: str) -> str:
    """Return the label of a kind of proposal; a kind that is no longer installed is its name."""
    kind = all_kinds().get(name)
    return str(kind.label) if kind else name


@register.filter
def about_model(payload: Mapping[str, Any]) -> str:
    """Return the model that a proposal is about, or nothing: it stands in the specification, or alone."""
    spec = payload.get("spec")
    base = spec.get("base") if isinstance(spec, Mapping) else None
    model = (base.get("model") if isinstance(base, Mapping) else None) or payload.get("model")
    return model if isinstance(model, str) else ""


@register.simple_tag(takes_context=True)
def query(context: Mapping[str, Any], **changes: object) -> str:
    """Return the page's query string with some values changed."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        parameters[name] = str(value)
    return f"?{parameters.urlencode()}"


@register.filter
def gate_needed(needed: str) -> str:
    """Return what a gate demands in the reader's language: the gates write it in English with exact fractions."""
    demanded, _, since = str(needed).partition(", not binding since ")
    # The longest phrase first: a shorter one would match the beginning of it.
    phrases = [(form, key) for key, known in COMPARATORS.items() for form in (known.words, known.end_words)]
    for form, key in sorted(phrases, key=lambda item: -len(item[0])):
        match = re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(form)), demanded)
        if match:
            said = words.gate(key, {name: exact(value) for name, value in match.groupdict().items()})
            return _with_sunset(said, since)
    of_people = duties.needed(demanded)
    return str(needed) if of_people is None else _with_sunset(of_people, since)


def _with_sunset(said: str, since: str) -> str:
    """Add since when a rule does not bind, if it does not."""
    return gettext("%(gate)s; over since %(day)s") % {"gate": said, "day": day(since)} if since else said


@register.filter
def day(moment: int | str) -> str:
    """Return UNIX seconds as a day in UTC."""
    return in_words.day(int(moment))


@register.filter
def moment(seconds: int) -> str:
    """Return UNIX seconds as day, time and zone."""
    return moment_text(datetime.fromtimestamp(seconds, UTC))


@register.filter
def rule_answers(body: Mapping[str, Any]) -> str:
    """Return the address part that fills the form for a change with what the rule says now."""
    return urlencode(in_words.answers(body))


@register.filter
def rule_gate(body: Mapping[str, Any]) -> str:
    """Return the gate of a rule's body as one phrase."""
    return in_words.rule_in_words(body)


@register.simple_tag
def rule_changes(found: Difference, titles: Mapping[str, str]) -> list[dict[str, str]]:
    """Return what changed in a rule, a line for each part: label, before, after. `titles` are those of suites."""
    if found.before is None or found.after is None:
        return []
    old, new = ({fact.label: fact.text for fact in in_words.facts(a.body, titles)} for a in (found.before, found.after))
    labels = dict.fromkeys([*new, *old])
    pairs = [(label, old.get(label, ""), new.get(label, "")) for label in labels]
    return [{"label": label, "before": before, "after": after} for label, before, after in pairs if before != after]


@register.simple_tag
def suite_title(digest: str, titles: Mapping[str, str]) -> str:
    """Return the title of a suite, or the beginning of its digest where it is not here."""
    return titles.get(digest, digest[:12])


@register.filter
def suite_address(suite: str) -> str:
    """Return the address of the page of a suite, as a rule names it: an ordinary one, or a hidden one."""
    commitment = commitment_in(suite)
    if commitment is None:
        return reverse("site:dataset", args=[suite])
    return reverse("site:hidden_suite", args=[commitment])


@register.filter
def finding_title(finding: Finding) -> str:
    """Return the title of a verification check in the reader's language."""
    return str(words.FINDINGS.get(finding.number, finding.title))


@register.filter
def check_title(number: int) -> str:
    """Return the title of a numbered check of a verification."""
    return str(words.FINDINGS.get(int(number), number))


@register.filter
def ranges(numbers_in_order: Sequence[int]) -> str:
    """Return ascending numbers with neighbours drawn together: 1–7, 9, 10."""
    runs: list[list[int]] = []
    for number in numbers_in_order:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if run[2:] else ", ".join(map(str, run)) for run in runs)


@register.filter
def look_into(number: int) -> str:
    """Return how to look into a check that failed for somebody else."""
    return str(words.LOOK_INTO.get(int(number), words.LOOK_INTO[0]).label)


@register.filter
def finding_counts(report: Report) -> dict[str, int]:
    """Return how many checks of a release passed, failed and were not made, by status."""
    counted = Counter(finding.status for finding in report.findings)
    return {str(status): counted[status] for status in Status}
