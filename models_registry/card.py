"""The model card: README.md of a release, in English and French, written from its records alone. Pure.

Nobody edits a card, so nothing in it can differ from what was voted, trained and measured. The card is itself
a file of the release and therefore cannot name what is made from it afterwards (manifest, revision, release
record). The front matter follows the model card metadata of the Hugging Face Hub. Texts from records come
from members and are escaped: a proposal's title must not become a link or a script on the page that shows the
card.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from governance.evidence.record import Record
from governance.evidence.signing import fingerprint
from models_registry import card_answering
from models_registry.card_text import (
    NOTHING,
    day,
    decimal,
    difference,
    exact,
    in_code,
    inline,
    percent,
    quantity,
    table,
)
from models_registry.card_words import WORDS
from models_registry.hidden_suites.commitment import rows_of
from models_registry.provenance.shapes import parent_of, parents_of

LANGUAGES = ("en", "fr")
# Only such an address becomes a link: it comes from the community's record, not from a member.
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\-]+(?::[0-9]+)?")
_BIBTEX = re.compile(r"([%&#$_])")
# What a machine may report in its environment about the energy of a run: whole numbers as text.
_ENERGY = ("energy_joules", "carbon_grams")
_COMMAND = "```\npython -m models_registry.provenance verify PATH \\\n    --community-key {fingerprint}\n```"
_SHORT = 12


@dataclass(frozen=True)
class Facts:
    """What the records do not say: which model and version this will be, and where to start reading."""

    model: str
    version: int
    title_en: str
    title_fr: str
    license: str
    run: str  # digest of the run record
    evaluation: str  # digest of the evaluation record
    override: str | None = None  # digest of the override record, where a vote passed over the rules


@dataclass(frozen=True)
class _Story:
    """The records that a card speaks of, found once."""

    facts: Facts
    records: Mapping[str, Record]
    run: Record
    evaluation: Record
    spec: Record
    community: Record
    proposals: tuple[Record, ...]

    def proposal_of(self, record: Record) -> Record:
        """Return the proposal whose execution made this record."""
        decision = parent_of(parent_of(record, "execution", self.records), "decision", self.records)
        return parent_of(decision, "proposal", self.records)

    def page(self, *parts: object) -> str:
        """Return the address of a page of the community's site, or nothing if the site has no usable address."""
        instance = self.community.body["instance"]
        return f"{instance}/{'/'.join(map(str, parts))}/" if _ADDRESS.fullmatch(instance) else ""

    def decision_of(self, proposal: Record) -> Record:
        """Return the decision on a proposal of this lineage."""
        return next(r for r in self.records.values() if r.kind == "decision" and proposal.digest in r.parents)


def render(facts: Facts, records: Mapping[str, Record]) -> str:
    """Return the text of README.md. `records` holds the lineage of run and evaluation, by digest."""
    story = _story(facts, records)
    parts = [_front_matter(story), f"# {inline(facts.title_en)} · {inline(facts.title_fr)}\n"]
    parts += [_section(story, language) for language in LANGUAGES]
    return "\n".join(parts)


def _story(facts: Facts, records: Mapping[str, Record]) -> _Story:
    run, evaluation = records[facts.run], records[facts.evaluation]
    spec = parent_of(run, "spec", records)
    # All of them: also those that changed the rules under which the others were decided.
    proposals = (record for record in records.values() if record.kind == "proposal")
    ordered = tuple(sorted(proposals, key=lambda proposal: (proposal.body["number"], proposal.digest)))
    community = parent_of(ordered[0], "community", records)
    return _Story(facts, records, run, evaluation, spec, community, ordered)


# --- front matter -------------------------------------------------------------------------------------------


def _front_matter(story: _Story) -> str:
    """Write the YAML by hand: every text is a JSON string, which is also a YAML string whatever it holds."""
    facts, spec = story.facts, story.spec.body
    suite = story.evaluation.body["suite"]
    languages = sorted({language for use in spec["datasets"] for language in use["languages"]})
    lines = [
        "---",
        "language:",
        *(f"- {_quoted(language)}" for language in languages),
        f"license: {_quoted(facts.license.lower())}",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        f"base_model: {_quoted(spec['base']['model'])}",
        "base_model_relation: finetune",
        "tags:",
        "- commonweights",
        "- community-governed",
        "model-index:",
        f"- name: {_quoted(facts.model.rpartition('/')[2])}",
        "  results:",
        "  - task:",
        "      type: text-generation",
        "    dataset:",
        f"      name: {_quoted('Evaluation suite ' + suite[:_SHORT])}",
        f"      type: {_quoted(suite)}",
        f"      revision: {_quoted(suite)}",
        "      args:",
        f"        samples: {story.evaluation.body['samples']}",
        "    metrics:",
    ]
    for metric, value in _measured(story.evaluation.body["candidate"]):
        name = _quoted(metric.replace("_", " ").capitalize())
        lines += [f"    - type: {_quoted(metric)}", f"      value: {decimal(exact(value))}", f"      name: {name}"]
    return "\n".join([*lines, "---", ""])


def _measured(values: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the metrics that have a value, by name; a metric that no rule reads may lack one."""
    return sorted((metric, value) for metric, value in values.items() if quantity(value, "en") != NOTHING)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


# --- sections -----------------------------------------------------------------------------------------------


def _section(story: _Story, language: str) -> str:
    words = WORDS[language]
    facts, community = story.facts, story.community.body
    model_page = story.page("models", *facts.model.split("/"))
    paragraphs = [
        f"## {words['language']}",
        _purpose(story, language),
        *_overridden(story, language),
        f"### {words['data']}",
        _data(story, words),
        f"### {words['decided']}",
        words["decided_text"],
        _decisions(story, language),
        f"### {words['gates']}",
        words["gates_text"].format(samples=story.evaluation.body["samples"]),
        _gates(story, language),
        f"### {words['changed']}",
        words["changed_text"].format(
            base=story.spec.body["base"]["model"], revision=story.spec.body["base"]["revision"][:_SHORT]
        ),
        _all_measured(story, language),
        *_answering(story, language),
        f"### {words['limits']}",
        "\n".join(f"- {limit.format(isolation=inline(story.run.body['isolation']))}" for limit in words["limits_list"]),
        f"### {words['incidents']}",
        words["incidents_text"].format(page=f"<{model_page}>" if model_page else inline(community["instance"])),
        f"### {words['energy']}",
        _energy(story, words),
        f"### {words['recipe']}",
        words["recipe_text"].format(open=_open_settings(story.spec.body)),
        _recipe(story.spec.body, story.run.body, words),
        f"### {words['verify']}",
        words["verify_text"],
        _COMMAND.format(fingerprint=fingerprint(community["release_key"]["public_key"])),
        words["verify_root"].format(instance=inline(community["instance"])),
        f"### {words['cite']}",
        _citation(story, language, model_page),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _purpose(story: _Story, language: str) -> str:
    """Say what this is and where it comes from, in one paragraph that can be read alone."""
    words, facts, base = WORDS[language], story.facts, story.spec.body["base"]
    approved = story.proposal_of(story.spec)
    text: str = words["purpose_text"]
    return text.format(
        title=inline(facts.title_en if language == "en" else facts.title_fr),
        model=facts.model,
        version=facts.version,
        community=inline(story.community.body["name"][language]),
        base=base["model"],
        revision=base["revision"][:_SHORT],
        number=_proposal_link(story, approved),
        proposal=inline(approved.body["title"]),
        license=inline(facts.license),
    )


def _answering(story: _Story, language: str) -> list[str]:
    """Say what was promised and delivered, and who answers for the release."""
    output = story.spec.body["output"]
    found = card_answering.parts(story.records, story.run, story.evaluation, output, language)
    return [
        text
        for part in found
        for text in (
            f"### {part.heading}",
            part.sentence,
            table(part.head, ([inline(cell) for cell in row] for row in part.rows)),
        )
    ]


def _overridden(story: _Story, language: str) -> list[str]:
    """Say, where it is so, that a vote released this version although it breaks rules: which, by what vote, and why."""
    if story.facts.override is None:
        return []
    override = story.records[story.facts.override]
    titles = {rule.body["slug"]: rule.body["title"] for rule in parents_of(story.evaluation, "rule", story.records)}
    text: str = WORDS[language]["overridden"]
    said = text.format(
        rules=", ".join(inline(titles[slug]) for slug in override.body["rules"]),
        number=_proposal_link(story, story.proposal_of(override)),
        reason=inline(override.body["reason"]),
    )
    return [f"> **{WORDS[language]['overridden_head']}** {said}"]


def _proposal_link(story: _Story, proposal: Record) -> str:
    number = proposal.body["number"]
    page = story.page("c", story.community.body["slug"], "proposals", number)
    return f"[{number}]({page})" if page else str(number)


def _energy(story: _Story, words: Mapping[str, Any]) -> str:
    """Say what the run took, as far as its record knows; what was not measured is said to be so."""
    run, budget = story.run.body, story.spec.body.get("budget") or {}
    measured = {name: run["environment"][name] for name in _ENERGY if name in run["environment"]}
    known = [f"{words[name]} {inline(str(value))}" for name, value in measured.items()] or [words["unmeasured"]]
    known.append(
        words["took"].format(
            seconds=run["finished_at"] - run["started_at"],
            device=inline(str(run["environment"].get("device", NOTHING))),
        )
    )
    if budget.get("carbon_grams") is not None:
        known.append(words["carbon_budget"].format(grams=budget["carbon_grams"]))
    return " ".join(known)


def _citation(story: _Story, language: str, page: str) -> str:
    """Write a BibTeX entry; its values are plain text, whatever the records hold."""
    facts, community = story.facts, story.community.body
    title = facts.title_en if language == "en" else facts.title_fr
    released = datetime.fromtimestamp(story.run.body["finished_at"], UTC)
    fields = {
        "title": f"{{{_bibtex(title)}}}, version {facts.version}",
        "author": f"{{{_bibtex(community['name'][language])}}}",
        "year": str(released.year),
        "url": page,
        "note": f"{_bibtex(facts.model)}; run record {story.run.digest[:_SHORT]}",
    }
    key = re.sub(r"[^a-z0-9]+", "-", f"{facts.model}-v{facts.version}".lower())
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join(["```bibtex", f"@misc{{{key},", *lines, "}", "```"])


def _bibtex(text: str) -> str:
    """Return text for a BibTeX value inside a code block: nothing in it can end either of them."""
    plain = "".join(letter for letter in " ".join(str(text).split()) if letter not in "{}\\`")
    return _BIBTEX.sub(r"\\\1", plain)


def _data(story: _Story, words: Mapping[str, Any]) -> str:
    languages = {use["digest"]: use["languages"] for use in story.spec.body["datasets"]}
    rows = []
    for dataset in sorted(parents_of(story.spec, "dataset", story.records), key=lambda record: record.body["slug"]):
        body = dataset.body
        rows.append(
            [
                inline(body["title"]),
                inline(body["license"]),
                str(body["records"]),
                ", ".join(inline(language) for language in languages.get(body["digest"], body["languages"])),
                f"`{body['digest'][:_SHORT]}`",
                _proposal_link(story, story.proposal_of(dataset)),
            ]
        )
    return table(words["data_head"], rows)


def _recipe(spec: Mapping[str, Any], run: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """Show the approved recipe key by key, as it was voted, and then what the run reports."""
    rows = [
        [f"`{in_code(key)}`", f"`{in_code(value)}`"]
        for key, value in sorted(spec.items())
        if key not in {"base", "datasets"} and value is not None
    ]
    rows += [[words["steps"], str(run["steps"])], [words["tokens"], str(run["tokens"])]]
    rows += [[f"`{in_code(name)}`", f"`{in_code(value)}`"] for name, value in sorted(run["environment"].items())]
    return table(words["recipe_head"], rows)


def _open_settings(spec: Mapping[str, Any]) -> str:
    return ", ".join(f"`{in_code(key)}`" for key, value in sorted(spec.items()) if value is None) or NOTHING


def _decisions(story: _Story, language: str) -> str:
    rows, options = [], WORDS[language]["options"]
    for proposal in story.proposals:
        decision = story.decision_of(proposal)
        tally = parent_of(decision, "tally", story.records)
        supply = int(proposal.body["snapshot"]["total_supply"])
        execution = next(r for r in story.records.values() if r.kind == "execution" and decision.digest in r.parents)
        quorum = next((c for c in decision.body["conditions"] if c["condition"] == "quorum"), None)
        rows.append(
            [
                _proposal_link(story, proposal),
                inline(proposal.body["title"]),
                ", ".join(
                    f"{options.get(option, inline(option))} {percent(Fraction(score), supply, language)}"
                    for option, score in sorted(tally.body["totals"].items(), key=_option_order)
                ),
                str(tally.body["ballot_count"]),
                percent(int(quorum["needed"]), supply, language) if quorum else NOTHING,
                day(execution.body["executed_at"]),
            ]
        )
    return table(WORDS[language]["decided_head"], rows)


def _option_order(item: tuple[str, str]) -> tuple[int, str]:
    known = ("for", "against", "abstain")
    return known.index(item[0]) if item[0] in known else len(known), item[0]


def _gates(story: _Story, language: str) -> str:
    words, body = WORDS[language], story.evaluation.body
    titles = {rule.body["slug"]: rule.body for rule in parents_of(story.evaluation, "rule", story.records)}
    opened = rows_of(opening.body for opening in parents_of(story.evaluation, "opening", story.records))
    rows = []
    for reason in body["verdict"]["reasons"]:
        rule = titles[reason["rule"]]
        suite = opened.get(rule["suite"], rule["suite"])
        nothing: dict[str, Any] = {"candidate": {}, "parent": {}}
        measured = body if suite in {None, body["suite"]} else body["further"].get(suite, nothing)
        rows.append(
            [
                inline(rule["title"]),
                f"`{in_code(reason['metric'])}`",
                quantity(measured["candidate"].get(reason["metric"]), language),
                quantity(measured["parent"].get(reason["metric"]), language),
                _demand(rule, language),
                _result(reason, words),
            ]
        )
    return table(words["gates_head"], rows)


def _all_measured(story: _Story, language: str) -> str:
    """Show every metric, also those that no rule reads: what became better or worse matters to readers too."""
    candidate, parent = story.evaluation.body["candidate"], story.evaluation.body["parent"]
    rows = [
        [
            f"`{in_code(metric)}`",
            quantity(value, language),
            quantity(parent.get(metric), language),
            difference(value, parent.get(metric), language),
        ]
        for metric, value in _measured(candidate)
    ]
    return table(WORDS[language]["measured_head"], rows)


def _result(reason: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """Say what became of a rule: kept or broken, and whether it could reject the model at all."""
    result: str = words["kept"] if reason["holds"] else words["broken"]
    if reason["binds"]:
        return result
    return f"{result} ({words['warning'] if reason['severity'] == 'warn' else words['over']})"


def _demand(rule: Mapping[str, Any], language: str) -> str:
    if rule["duty"] is not None:
        return in_code(WORDS[language]["duties"][rule["duty"]["task"]].format(**rule["duty"]))
    bound = quantity(rule["bound"], language)
    known: Mapping[str, str] = WORDS[language]["comparators"]
    if rule["comparator"] not in known:
        return f"`{in_code(rule['comparator'])}` {bound}"
    judged: str = WORDS[language]["judged"][rule["judged"]]
    return known[rule["comparator"]].format(bound=bound) + judged
