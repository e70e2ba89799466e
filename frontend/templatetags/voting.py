"""Template filters of voting: powers with the decimals of their source, choices, conditions and counts in words."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from frontend import flow, numbers, words
from frontend.templatetags.commonweights import bar, icon, moment_text, soon
from frontend.words import governor
from frontend.words import missing as missing_words
from frontend.words import passing as passing_words
from governance.choices import Part
from governance.missing import Missing
from governance.models import Proposal
from governance.outcome import Rules
from governance.power import DECIMALS
from governance.selectors import Results
from governance.selectors.results import Option, RoundRow, RoundShown
from governance.tally import METHODS

register = template.Library()
NAMED_IN_BAR = 6


@register.filter
def power(value: object, decimals: int) -> str:
    """Return a voting power in whole votes, from base units that may be an exact fraction ("7/2")."""
    if value is None:
        return "–"
    units = value if isinstance(value, int) else int(Fraction(str(value)))
    return numbers.power(units, decimals=decimals)


@register.filter
def reason(text: str) -> str:
    """Return why a proposal was withdrawn, or a guardian spoke, as people read it."""
    return str(words.reason(text))


@register.filter
def not_taken_up(text: str, decimals: int) -> str:
    """Return why what stands on the chain was not taken up here, as a sentence."""
    return governor.refusal(text, decimals)


@register.filter
def decimals_of(source: str) -> int:
    """Return how many digits after the point people read of the power of a source."""
    return DECIMALS.get(source, 0)


@register.filter
def minus(value: int, other: int) -> int:
    """Return the difference."""
    return int(value) - int(other)


@register.simple_tag
def choice(name: str, *, binary: bool) -> words.Word:
    """Return how a choice is shown (`{% choice name binary=… as w %}`)."""
    return words.choice(name, binary=binary)


@register.filter
def is_binary(method: str) -> bool:
    """Say whether a method is about one thing, for or against."""
    return method in METHODS and METHODS[method].binary


@register.filter
def in_words(results: Results) -> list[words.Condition]:
    """Return the conditions of a count with their sentences."""
    return words.conditions(results)


@register.simple_tag
def passing_sentence(passing: passing_words.Passing) -> str:
    """Return the one sentence on top of a decision (`{% passing_sentence passing %}`)."""
    return passing_words.sentence(passing, moment_text(passing.at))


@register.filter
def missing_sentence(missing: Missing, results: Results) -> str:
    """Return what would have to change, as a sentence."""
    house = missing.condition == "objection"
    return missing_words.sentence(missing, results.house_decimals if house else results.decimals)


@register.filter
def explained(results: Results) -> list[str]:
    """Return the count's own explanation, sentence by sentence."""
    names = {option.position: option.name for option in results.options}
    return [
        words.told(told.key, told.values, names, results.decimals, binary=results.binary)
        for told in results.explanation
    ]


@register.filter
def rounds_flow(results: Results) -> flow.Flow | None:
    """Return the rounds of a count as a picture."""
    return flow.flow(results)


@register.simple_tag
def rules_of(rules: Rules, decimals: int, *, binary: bool = True) -> list[words.Rule]:
    """Return the rules of a tier line by line, without those about for and against where there is neither."""
    return words.rules(rules, decimals, binary=binary)


@register.filter
def weight_bps(part: Part) -> int:
    """Return the share that a part of a ballot has of it, in basis points."""
    return part.weight * 10_000 // part.of if part.of else 0


@register.simple_tag
def choice_parts(parts: Sequence[Part], method: str, decimals: int, *, binary: bool) -> SafeString:
    """Return what a ballot chose: pills, or an order. In Python, because lists show it fifty times."""
    return _choice_parts(tuple(parts), method, decimals, binary, get_language())


@lru_cache(maxsize=1024)
def _choice_parts(
    parts: tuple[Part, ...],
    method: str,
    decimals: int,
    binary: bool,  # noqa: FBT001 - a key
    language: str | None,
) -> SafeString:
    """Return it in the active language: most ballots of a list chose what others chose."""
    if not parts:
        blank = gettext("Blank ballot")
        return format_html('<span class="pill pill--quiet">{}<span>{}</span></span>', icon("minus"), blank)
    if any(part.rank for part in parts):
        items = format_html_join("", "<li>{}</li>", ((part.name,) for part in parts))
        return format_html('<ol class="ranked-inline">{}</ol>', items)
    pills = format_html_join(
        "", "{}", ((_part_pill(part, method, decimals, language, binary=binary),) for part in parts)
    )
    return format_html('<span class="cluster cluster--tight">{}</span>', pills)


def _part_pill(part: Part, method: str, decimals: int, language: str | None, *, binary: bool) -> SafeString:
    says = ""
    if part.of:
        fractional = method == "fractional"
        says = power(part.weight, decimals) if fractional else numbers.percent(weight_bps(part))
    return _choice_pill(part.name, binary, says, language)


@lru_cache(maxsize=512)
def _choice_pill(name: str, binary: bool, says: str, _language: str | None) -> SafeString:  # noqa: FBT001 - a key
    """Return a choice with what it got, in the active language: lists repeat them."""
    shown = words.choice(name, binary=binary)
    weight = format_html(' <span class="number">{}</span>', says) if says else ""
    return format_html(
        '<span class="pill pill--{}">{}<span>{}{}</span></span>', shown.tone, icon(shown.icon), shown.label, weight
    )


@register.simple_tag(takes_context=True)
def latest_step(context: Mapping[str, Any], proposal: Proposal, state: str) -> SafeString:
    """Return the one moment that lists show of a proposal: "closes in 3 days", "withdrawn 2 hours ago"."""
    says, name = words.latest_step(str(state))
    return format_html("{} {}", says, soon(context, getattr(proposal, name)))


@register.simple_tag
def results_bar(results: Results, size: str = "") -> SafeString:
    """Return how a vote stands as one bar, with its shares as text for whoever does not see it."""
    parts = (
        (_bar_part(option.name if results.binary else colour(option), option.bar_start_bps, option.bar_bps),)
        for option in results.options
        if option.power
    )
    drawn = format_html_join("", "{}", parts)
    label = shares(results, NAMED_IN_BAR, ", ")
    return format_html('<svg class="bar {}" role="img" aria-label="{}">{}</svg>', size, label, drawn)


@lru_cache(maxsize=4096)
def _bar_part(fill: str, start_bps: int, bps: int) -> SafeString:
    """Return the part of a bar that one choice has: lists repeat them."""
    return format_html('<rect class="fill--{}" x="{}" width="{}" height="100%"></rect>', fill, bar(start_bps), bar(bps))


@register.simple_tag
def shares(results: Results, most: int, between: str = " · ") -> str:
    """Return the first choices with their shares: "For 60% · Against 40%"."""
    return between.join(
        _share_of(option.name, results.binary, option.share_bps, get_language()) for option in results.options[:most]
    )


@lru_cache(maxsize=4096)
def _share_of(name: str, binary: bool, share_bps: int, _language: str | None) -> str:  # noqa: FBT001 - a key
    """Return a choice with its share, in the active language: lists repeat them."""
    return f"{words.choice(name, binary=binary).label} {numbers.percent(share_bps)}"


@register.filter
def in_order_of_choices(totals: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return totals by choice as ballots show them: for, against, abstain, then what a voting method adds."""
    order = list(words.CHOICES)
    return sorted(totals.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))


@register.filter
def colour(option: Option) -> str:
    """Return the colour that a choice has on this page, by its place in the proposal."""
    return f"c{option.position % flow.COLOURS}"


@register.filter
def row_of(shown: RoundShown, name: str) -> RoundRow | None:
    """Return what a choice has in a round."""
    return next((row for row in shown.rows if row.name == name), None)


@register.filter
def house_name(house: Mapping[str, Any]) -> str:
    """Return the name of the second house in the reader's language."""
    language = "fr" if (get_language() or "en").startswith("fr") else "en"
    return str(house["name"][language])
