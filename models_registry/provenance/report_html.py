"""The report of a verification as one page to print: no script, no address outside, every text escaped. Pure.

English and French stand side by side, or one of them alone. It shows what the report says and adds no judgement.
"""

import html
from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from models_registry.provenance.report import TOOL, VERSION, Finding, Report, Status
from models_registry.provenance.report_words import (
    CHOICES,
    HINTS,
    KINDS,
    LINEAGE,
    NOT_SHOWN,
    OUTCOMES,
    STATUSES,
    TITLES,
    WORDS,
    Both,
    evidence_in_french,
)
from models_registry.provenance.summary import Decided, Summary

if TYPE_CHECKING:
    from governance.anchoring.check import Answer

LANGUAGES: Final = ("both", "en", "fr")
PROBLEMS_PRINTED: Final = 5
_SPACES: Final = "\u00a0\u202f\u2009"  # Python calls them unprintable
_VOTE_CHECKS: Final = range(1, 7)
_STYLE: Final = """
@page{size:A4;margin:14mm}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:62rem;font:15px/1.45 system-ui,"Liberation Sans",sans-serif;color:#16211d;
background:#fff}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.15rem;margin:1.9rem 0 .5rem;padding-bottom:.2rem;border-bottom:2px solid #16211d;break-after:avoid}
p{margin:.3rem 0}
table{width:100%;border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.4rem .5rem;border-bottom:1px solid #c9d3ce;overflow-wrap:anywhere}
th{font-size:.85em}
tr{break-inside:avoid}
thead{display:table-header-group}
ul{margin:.3rem 0;padding-left:1.2rem}
li{break-inside:avoid}
code{font:.86em/1.4 ui-monospace,"Liberation Mono",monospace;overflow-wrap:anywhere}
.number{width:2.2rem;text-align:right}
.result{width:7.5rem;font-weight:700}
.passed{color:#0b5d3b}.failed{color:#a3130c}.not_checked{color:#5b5b5b}
.outcome{padding:.7rem 1rem;margin:1rem 0;border:2px solid;font-size:1.2rem;font-weight:700}
.fr{color:#40504a}
td .fr,th .fr,li .fr,p .fr,.outcome .fr{display:block}
h1 .fr:before,h2 .fr:before,.inline .fr:before{content:" · "}
td .inline .fr,p .inline .fr{display:inline}
.failed .fr{color:inherit}
.problem{border-left:3px solid #a3130c;padding-left:.6rem;margin:.4rem 0}
.sign td{height:3.2rem}
dl{display:grid;grid-template-columns:minmax(11rem,16rem) 1fr;gap:.35rem 1rem;margin:.4rem 0}
dt .fr{display:block}dd{margin:0;overflow-wrap:anywhere}
@media(max-width:40rem){body{padding:.8rem}dl{grid-template-columns:1fr}
tbody,tr,td,table{display:block}thead{display:none}td{border:0;padding:.1rem 0}
tr{border-bottom:1px solid #c9d3ce;padding:.5rem 0}.number,.result{width:auto;text-align:left}.number{font-weight:700}}
@media print{body{padding:0;max-width:none;font-size:10.5px}h1{font-size:1.9em}}
"""


def render(report: Report, language: str = "both", anchored: "Answer | None" = None) -> str:
    """Return the page, in both languages, in "en" or in "fr"; `anchored` is what a chain said, if it was asked."""
    page = _Page(language)
    name = f"{report.model} {report.version}" if report.model else WORDS["title"].en
    parts = [
        _heading(page, report),
        page.section("findings", _findings(page, report)),
        *_story(page, report),
        *_chain(page, report.summary, anchored),
        page.section("trust", _trust(page, report)),
        page.section("not_shown", f"<ul>{''.join(f'<li>{page.both(text)}</li>' for text in NOT_SHOWN)}</ul>"),
        page.section("digests", _digests(page, report)),
        f'<table class="sign"><tbody><tr><td>{page.word("signed_off")}</td></tr></tbody></table>',
    ]
    head = (
        f'<!DOCTYPE html>\n<html lang="{"fr" if language == "fr" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_safe(name)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    return head + "\n".join(parts) + "\n</body>\n</html>\n"


class _Page:
    """Puts words into the language of the page."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"{language!r} is not one of {', '.join(LANGUAGES)}")
        self.language = language

    def both(self, text: Both, **filled: str) -> str:
        """Return a text of ours; what is filled in must be safe already."""
        english, french = (html.escape(said, quote=False).format(**filled) for said in text)
        return self.shown(english, french)

    def shown(self, english: str, french: str | None) -> str:
        """Return safe text in the language of the page; where French is missing, English."""
        if self.language == "en":
            return english
        if french is None:
            return f'<span lang="en">{english}</span>'
        if self.language == "fr" or english == french:
            return french
        return f'<span lang="en">{english}</span><span class="fr" lang="fr">{french}</span>'

    def inline(self, text: Both) -> str:
        """Return a text of ours on one line, whatever stands around it."""
        return f'<span class="inline">{self.both(text)}</span>'

    def word(self, key: str, **filled: str) -> str:
        """Return one of the page's own words."""
        return self.both(WORDS[key], **filled)

    def section(self, key: str, content: str) -> str:
        """Return a heading and what stands below it."""
        return f"<section>\n<h2>{self.word(key)}</h2>\n{content}\n</section>"

    def facts(self, pairs: Iterable[tuple[str, str]]) -> str:
        """Return names of facts with safe values."""
        return f"<dl>{''.join(f'<dt>{self.word(key)}</dt><dd>{value}</dd>' for key, value in pairs)}</dl>"

    def head(self, *keys: str) -> str:
        """Return the head of a table; the first column is a number."""
        cells = "".join(f'<th scope="col">{self.word(key)}</th>' for key in keys)
        return f'<thead><tr><th class="number" scope="col">#</th>{cells}</tr></thead>'


def _heading(page: _Page, report: Report) -> str:
    outcome = "failed" if not report.ok else "verified" if report.verified else "consistent"
    colour = {"verified": "passed", "failed": "failed"}.get(outcome, "not_checked")
    lines = [f"<h1>{page.word('title')}</h1>"]
    if report.model is not None:
        lines.append(f"<p><strong>{_safe(report.model)}</strong>, {page.inline(WORDS['version'])} {report.version}</p>")
    if report.summary is not None:
        names = dict(report.summary.community_names)
        name = page.shown(_safe(names.get("en", report.summary.slug)), _safe(names.get("fr", report.summary.slug)))
        lines.append(f'<p><span class="inline">{name}</span></p>')
    lines.append(f'<p class="outcome {colour}">{page.both(OUTCOMES[outcome])}</p>')
    return "<header>\n" + "\n".join(lines) + "\n</header>"


# --- findings ---


def _findings(page: _Page, report: Report) -> str:
    rows = "".join(_finding(page, finding) for finding in report.findings)
    return f"<table>{page.head('check', 'result', 'evidence')}<tbody>{rows}</tbody></table>"


def _finding(page: _Page, finding: Finding) -> str:
    failed = finding.status is Status.FAILED
    said = "" if failed else page.shown(_safe(finding.evidence), _safe_or_none(evidence_in_french(finding.evidence)))
    return (
        f'<tr><td class="number">{finding.number}</td><td>{page.both(TITLES[finding.number])}</td>'
        f'<td class="result {finding.status}">{page.both(STATUSES[finding.status])}</td>'
        f"<td>{said}{_problems(page, finding) if failed else ''}</td></tr>"
    )


def _problems(page: _Page, finding: Finding) -> str:
    shown = [
        f'<div class="problem">{_code(problem.code)} {_safe(problem.place)}<br>{_safe(problem.detail)}</div>'
        for problem in finding.problems[:PROBLEMS_PRINTED]
    ]
    left = len(finding.problems) - PROBLEMS_PRINTED
    if left > 0:
        shown.append(f"<p>{page.word('more', count=str(left))}</p>")
    hint = page.shown(_safe(finding.hint), _safe_or_none(HINTS.get(finding.number)))
    shown.append(f"<p><strong>{page.inline(WORDS['hint'])}</strong> {hint}</p>")
    return "".join(shown)


# --- who decided ---


def _story(page: _Page, report: Report) -> list[str]:
    if report.summary is None:
        return []
    passed = all(report.findings[number - 1].status is Status.PASSED for number in _VOTE_CHECKS)
    doubt = "" if passed else f'<p class="failed">{page.word("doubt")}</p>'
    rows = "".join(_decided(page, decided) for decided in report.summary.decided)
    head = page.head("question", "count", "people", "when")
    table = f"{doubt}<table>{head}<tbody>{rows}</tbody></table>"
    return [page.section("decided", table), page.section("lineage", _lineage(page, report.summary))]


def _decided(page: _Page, decided: Decided) -> str:
    kind = page.both(KINDS[decided.kind]) if decided.kind in KINDS else _safe(decided.kind)
    whole = sum((Fraction(power) for _, power in decided.totals), Fraction(0))
    counts = "<br>".join(
        f"{page.inline(CHOICES[choice]) if choice in CHOICES else _safe(choice)} "
        f"<strong>{_share(power, whole)}</strong> {_code(power)}"
        for choice, power in decided.totals
    )
    return (
        f'<tr><td class="number">{decided.number}</td><td><bdi>{_safe(decided.title)}</bdi><br><em>{kind}</em></td>'
        f"<td>{counts}</td><td>{decided.ballots}, {decided.members}, {decided.delegations}</td>"
        f"<td>{_moment(decided.closed_at)}<br>{_moment(decided.executed_at)}</td></tr>"
    )


def _lineage(page: _Page, summary: Summary) -> str:
    run, attempt, started, finished = summary.run
    sentences = [
        page.both(
            LINEAGE["release"],
            version=str(summary.version),
            model=_safe(summary.model),
            run=str(run),
            attempt=str(attempt),
            started=_moment(started),
            finished=_moment(finished),
        ),
        page.both(LINEAGE["training"], number=str(summary.training), base=_safe(summary.base)),
        *(
            page.both(LINEAGE["dataset"], title=_safe(title), license=_safe(license_name), number=str(number))
            for title, license_name, number in summary.datasets
        ),
        *(page.both(LINEAGE["rule"], title=_safe(title), number=str(number)) for title, number in summary.rules),
        *_overridden(page, summary),
        page.both(LINEAGE["charters"], count=str(summary.charters)),
    ]
    return f"<ul>{''.join(f'<li>{sentence}</li>' for sentence in sentences)}</ul>"


def _overridden(page: _Page, summary: Summary) -> list[str]:
    if summary.overridden is None:
        return []
    rules, vote, reason = summary.overridden
    said = page.both(LINEAGE["overridden"], rules=_safe(", ".join(rules)), number=str(vote), reason=_safe(reason))
    return [f"<strong>{said}</strong>"]


# --- what stands on a chain ---


def _chain(page: _Page, summary: Summary | None, anchored: "Answer | None") -> list[str]:
    taken = [decided for decided in (summary.decided if summary else ()) if decided.contract]
    parts = [_governors(page, taken)] if taken else []
    parts += [_anchors(page, anchored)] if anchored is not None else []
    return [page.section("chain", "".join(parts))] if parts else []


def _governors(page: _Page, taken: Iterable[Decided]) -> str:
    rows = "".join(
        f'<tr><td class="number">{decided.number}</td><td>{_code(decided.contract[0])}</td>'
        f"<td>{_code(decided.contract[1])}</td></tr>"
        for decided in taken
        if decided.contract
    )
    head = page.head("governor", "its_proposal")
    return f"<p>{page.word('by_contract')}</p><table>{head}<tbody>{rows}</tbody></table>"


def _anchors(page: _Page, anchored: "Answer") -> str:
    key, colour = ("not_anchored", "failed") if anchored.asked else ("anchor_silent", "not_checked")
    if anchored.holds:
        key, colour = "anchored", "passed"
    said = f'<p class="{colour}">{page.word(key)}</p><p>{_safe(anchored.says)}</p>'
    rows = "".join(
        f'<tr><td class="number">{at}</td><td>{_safe(one.wanted.what)}<br>{_code(one.wanted.digest)}</td>'
        f"<td>{page.word('not_posted') if one.posted_at is None else _moment(one.posted_at)}</td></tr>"
        for at, one in enumerate(anchored.found, 1)
    )
    return said + (f"<table>{page.head('what', 'posted')}<tbody>{rows}</tbody></table>" if rows else "")


# --- what it rests on ---


def _trust(page: _Page, report: Report) -> str:
    roots = report.trust_roots
    if not roots.given:
        return f"<p>{page.word('trust_nobody')}</p>"
    given = (("trust_key", roots.release_key), ("trust_community", roots.community))
    return page.facts((key, _code(value)) for key, value in given if value is not None)


def _digests(page: _Page, report: Report) -> str:
    summary = report.summary
    found = (
        ("release", report.release),
        ("manifest", summary.manifest_sha256 if summary else None),
        ("trust_community", summary.community if summary else None),
        ("founding_key", report.key_fingerprint),
    )
    pairs = [(key, _code(value)) for key, value in found if value is not None]
    return page.facts([*pairs, ("tool", _code(f"{TOOL} {VERSION}"))])


def _share(power: str, whole: Fraction) -> str:
    """Return a share in tenths of a percent, rounded down; nothing where nobody voted."""
    if not whole:
        return "–"
    tenths = int(Fraction(power) * 1000 / whole)
    return f"{tenths // 10}.{tenths % 10} %"


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):  # a number that no calendar has
        return str(seconds)


def _code(text: str) -> str:
    return f"<code>{_safe(text)}</code>"


def _safe(text: str) -> str:
    """Escape a text from a stranger; what could reorder or hide the text around it is written out."""
    shown = "".join(
        character if character.isprintable() or character in _SPACES else f"\\u{ord(character):04x}"
        for character in text
    )
    return html.escape(shown)


def _safe_or_none(text: str | None) -> str | None:
    return None if text is None else _safe(text)
