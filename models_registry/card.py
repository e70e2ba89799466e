"""The model card: README.md of a release, in English and French, written from its records alone. Pure.

Nobody edits a card, so nothing in it can differ from what was voted, trained and measured. The card is itself
a file of the release and therefore cannot name what is made from it afterwards (manifest, revision, release
record). The front matter follows the model card metadata of the Hugging Face Hub. Texts from records come
from members and are escaped: a proposal's title must not become a link or a script on the page that shows the
card.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from governance.evidence.record import Record
from governance.evidence.signing import fingerprint
from models_registry.provenance.shapes import parent_of, parents_of

LANGUAGES = ("en", "fr")
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~&:@=$^])")
_WEB = re.compile(r"(?i)\b(www)\.")
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_NOTHING = "\N{EN DASH}"
_COMMAND = "```\npython -m models_registry.provenance verify PATH \\\n    --community-key {fingerprint}\n```"
_DECIMALS = 4
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

    def decision_of(self, proposal: Record) -> Record:
        """Return the decision on a proposal of this lineage."""
        return next(r for r in self.records.values() if r.kind == "decision" and proposal.digest in r.parents)


def render(facts: Facts, records: Mapping[str, Record]) -> str:
    """Return the text of README.md. `records` holds the lineage of run and evaluation, by digest."""
    story = _story(facts, records)
    parts = [_front_matter(story), f"# {_inline(facts.title_en)} · {_inline(facts.title_fr)}\n"]
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
        "    metrics:",
    ]
    for metric, value in _measured(story.evaluation.body["candidate"]):
        lines += [f"    - type: {_quoted(metric)}", f"      value: {_decimal(_ratio(value))}"]
    return "\n".join([*lines, "---", ""])


def _measured(values: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the metrics that have a value, by name; a metric that no rule reads may lack one."""
    return sorted((metric, value) for metric, value in values.items() if _value(value, "en") != _NOTHING)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


# --- sections -----------------------------------------------------------------------------------------------


def _section(story: _Story, language: str) -> str:
    words = _WORDS[language]
    facts, spec, run = story.facts, story.spec.body, story.run.body
    approved = story.proposal_of(story.spec)
    community = story.community.body
    title = facts.title_en if language == "en" else facts.title_fr
    paragraphs = [
        f"## {words['language']}",
        f"### {words['purpose']}",
        words["purpose_text"].format(
            title=_inline(title),
            model=facts.model,
            version=facts.version,
            community=_inline(community["name"][language]),
            base=spec["base"]["model"],
            revision=spec["base"]["revision"][:_SHORT],
            number=approved.body["number"],
            proposal=_inline(approved.body["title"]),
        ),
        f"### {words['data']}",
        _data(story, words),
        f"### {words['recipe']}",
        _recipe(spec, run, words),
        f"### {words['decided']}",
        words["decided_text"],
        _decisions(story, language),
        f"### {words['gates']}",
        words["gates_text"].format(samples=story.evaluation.body["samples"]),
        _gates(story, language),
        words["measured_text"],
        _all_measured(story, language),
        f"### {words['limits']}",
        "\n".join(f"- {limit.format(isolation=_inline(run['isolation']))}" for limit in words["limits_list"]),
        f"### {words['verify']}",
        words["verify_text"],
        _COMMAND.format(fingerprint=fingerprint(community["release_key"]["public_key"])),
        words["verify_root"].format(instance=_inline(community["instance"])),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _data(story: _Story, words: Mapping[str, Any]) -> str:
    languages = {use["digest"]: use["languages"] for use in story.spec.body["datasets"]}
    rows = []
    for dataset in sorted(parents_of(story.spec, "dataset", story.records), key=lambda record: record.body["slug"]):
        body = dataset.body
        rows.append(
            [
                _inline(body["title"]),
                _inline(body["license"]),
                str(body["records"]),
                ", ".join(_inline(language) for language in languages.get(body["digest"], body["languages"])),
                f"`{body['digest'][:_SHORT]}`",
                str(story.proposal_of(dataset).body["number"]),
            ]
        )
    return _table(words["data_head"], rows)


def _recipe(spec: Mapping[str, Any], run: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """Show the approved recipe key by key, as it was voted, and then what the run reports."""
    rows = [
        [f"`{key}`", f"`{_plain(value)}`"] for key, value in sorted(spec.items()) if key not in {"base", "datasets"}
    ]
    rows += [[words["steps"], str(run["steps"])], [words["tokens"], str(run["tokens"])]]
    rows += [[f"`{_plain(name)}`", f"`{_plain(value)}`"] for name, value in sorted(run["environment"].items())]
    return _table(words["recipe_head"], rows)


def _decisions(story: _Story, language: str) -> str:
    rows, options = [], _WORDS[language]["options"]
    for proposal in story.proposals:
        decision = story.decision_of(proposal)
        tally = parent_of(decision, "tally", story.records)
        supply = int(proposal.body["snapshot"]["total_supply"])
        execution = next(r for r in story.records.values() if r.kind == "execution" and decision.digest in r.parents)
        quorum = next((c for c in decision.body["conditions"] if c["condition"] == "quorum"), None)
        rows.append(
            [
                str(proposal.body["number"]),
                _inline(proposal.body["title"]),
                ", ".join(
                    f"{options.get(option, _inline(option))} {_percent(Fraction(score), supply, language)}"
                    for option, score in sorted(tally.body["totals"].items(), key=_option_order)
                ),
                str(tally.body["ballot_count"]),
                _percent(int(quorum["needed"]), supply, language) if quorum else _NOTHING,
                _date(execution.body["executed_at"]),
            ]
        )
    return _table(_WORDS[language]["decided_head"], rows)


def _option_order(item: tuple[str, str]) -> tuple[int, str]:
    known = ("for", "against", "abstain")
    return known.index(item[0]) if item[0] in known else len(known), item[0]


def _gates(story: _Story, language: str) -> str:
    words, body = _WORDS[language], story.evaluation.body
    titles = {rule.body["slug"]: rule.body for rule in parents_of(story.evaluation, "rule", story.records)}
    rows = []
    for reason in body["verdict"]["reasons"]:
        rule = titles[reason["rule"]]
        rows.append(
            [
                _inline(rule["title"]),
                f"`{_plain(reason['metric'])}`",
                _value(body["candidate"].get(reason["metric"]), language),
                _value(body["parent"].get(reason["metric"]), language),
                _demand(rule, language),
                words["kept"] if reason["holds"] else words["broken"],
            ]
        )
    return _table(words["gates_head"], rows)


def _all_measured(story: _Story, language: str) -> str:
    """Show every metric, also those that no rule reads: what improved matters to readers too."""
    candidate, parent = story.evaluation.body["candidate"], story.evaluation.body["parent"]
    rows = [
        [f"`{_plain(metric)}`", _value(value, language), _value(parent.get(metric), language)]
        for metric, value in _measured(candidate)
    ]
    return _table(_WORDS[language]["measured_head"], rows)


def _demand(rule: Mapping[str, Any], language: str) -> str:
    bound = _value(rule["bound"], language)
    known: Mapping[str, str] = _WORDS[language]["comparators"]
    if rule["comparator"] not in known:
        return f"`{_plain(rule['comparator'])}` {bound}"
    return known[rule["comparator"]].format(bound=bound)


# --- writing ------------------------------------------------------------------------------------------------


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _inline(text: str) -> str:
    """Return text from a record so that Markdown shows it as it is, on one line."""
    return _WEB.sub(r"\1\\.", _MARKUP.sub(r"\\\1", " ".join(str(text).split())))


def _plain(value: object) -> str:
    """Return a value for a code span in a table: no back-tick and no bar can end either of them."""
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return " ".join(shown.replace("`", "'").replace("|", "/").split())


def _ratio(value: Mapping[str, Any]) -> Fraction:
    return Fraction(value["numerator"], value["denominator"])


def _value(value: Mapping[str, Any] | None, language: str) -> str:
    """Return a measured value: rounded for the eye, and exact."""
    if not value or not value.get("denominator"):
        return _NOTHING
    ratio = _ratio(value)
    shown = _decimal(ratio) if language == "en" else _decimal(ratio).replace(".", ",")
    return shown if ratio.denominator == 1 else f"{shown} ({ratio})"


def _decimal(ratio: Fraction, places: int = _DECIMALS) -> str:
    """Round half up to `places` decimals, in integers; drop zeros at the end."""
    scaled = (ratio * 10**places + Fraction(1, 2)).__floor__()
    whole, rest = divmod(abs(scaled), 10**places)
    decimals = f"{rest:0{places}d}".rstrip("0")
    return f"{'-' if scaled < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"


def _percent(part: int | Fraction, whole: int, language: str) -> str:
    shown = _decimal(Fraction(part) * 100 / whole, places=2)
    return f"{shown}%" if language == "en" else f"{shown.replace('.', ',')}{_NO_BREAK_SPACE}%"


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


_WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "language": "English",
        "purpose": "Purpose",
        "purpose_text": (
            "{title}: version {version} of `{model}`, owned by {community}. It was trained from `{base}` at "
            "revision `{revision}`, as proposal {number} (“{proposal}”) approved. This card was written "
            "from the signed records of the release; no part of it was written by hand."
        ),
        "data": "Data",
        "data_head": ("Dataset", "Licence", "Records", "Languages used", "Digest", "Included by proposal"),
        "recipe": "Recipe",
        "recipe_head": ("Setting", "Value"),
        "steps": "Steps taken",
        "tokens": "Tokens seen",
        "decided": "Who decided",
        "decided_text": (
            "Token holders, by signed ballots. Shares are of all voting power at the snapshot. Every ballot "
            "is in `provenance/ballots.jsonl`, everybody who could vote in `provenance/census.jsonl`, and what "
            "was delegated in `provenance/delegations.jsonl`."
        ),
        "decided_head": ("Proposal", "Title", "Power", "Ballots", "Quorum", "Executed (UTC)"),
        "options": {"for": "for", "against": "against", "abstain": "abstained"},
        "gates": "Gates",
        "gates_text": "Measured on {samples} held-out samples and judged by the ethics rules then in force.",
        "gates_head": ("Rule", "Metric", "This version", "Parent version", "Demand", "Result"),
        "comparators": {
            "at_most": "at most {bound}",
            "at_least": "at least {bound}",
            "not_below_parent": "not more than {bound} below the parent",
        },
        "measured_text": "Everything that was measured:",
        "measured_head": ("Metric", "This version", "Parent version"),
        "kept": "kept",
        "broken": "broken",
        "limits": "Limits",
        "limits_list": (
            "It can be wrong, also where it sounds sure. Have somebody who knows check important answers.",
            "Only what the tables above name was measured, on these samples; nothing follows for others.",
            "It knows nothing that happened after its training data was collected.",
            (
                "The release key says who released the weights. That they came from this run is shown only "
                "by training again; the isolation of the run was: {isolation}."
            ),
        ),
        "verify": "How to verify",
        "verify_text": "From the weights back to the ballots, offline, with the code of Commonweights:",
        "verify_root": (
            "Do not take the fingerprint from this card alone: compare it with the one that the community "
            "publishes, at {instance} and elsewhere."
        ),
    },
    "fr": {
        "language": "Français",
        "purpose": "But",
        "purpose_text": (
            "{title}\N{NO-BREAK SPACE}: version {version} de `{model}`, qui appartient à {community}. Elle "
            "a été entraînée à partir de `{base}`, révision `{revision}`, comme la proposition {number} "
            "(«\N{NO-BREAK SPACE}{proposal}\N{NO-BREAK SPACE}») l’a approuvé. Cette fiche est écrite à "
            "partir des enregistrements signés de la publication\N{NARROW NO-BREAK SPACE}; rien n’y est "
            "écrit à la main."
        ),
        "data": "Données",
        "data_head": (
            "Jeu de données",
            "Licence",
            "Lignes",
            "Langues utilisées",
            "Empreinte",
            "Inclus par la proposition",
        ),
        "recipe": "Recette",
        "recipe_head": ("Réglage", "Valeur"),
        "steps": "Pas effectués",
        "tokens": "Jetons lus",
        "decided": "Qui a décidé",
        "decided_text": (
            "Les détenteurs de jetons, par bulletins signés. Les parts se rapportent à tout le pouvoir de "
            "vote au moment de l’instantané. Chaque bulletin se trouve dans `provenance/ballots.jsonl`, toute "
            "personne qui pouvait voter dans `provenance/census.jsonl`, et ce qui a été délégué dans "
            "`provenance/delegations.jsonl`."
        ),
        "decided_head": ("Proposition", "Titre", "Pouvoir", "Bulletins", "Quorum", "Exécutée (UTC)"),
        "options": {"for": "pour", "against": "contre", "abstain": "abstention"},
        "gates": "Contrôles",
        "gates_text": (
            "Mesuré sur {samples} exemples tenus à l’écart et jugé selon les règles éthiques en vigueur à "
            "l’approbation."
        ),
        "gates_head": ("Règle", "Mesure", "Cette version", "Version précédente", "Exigence", "Résultat"),
        "comparators": {
            "at_most": "au plus {bound}",
            "at_least": "au moins {bound}",
            "not_below_parent": "pas plus de {bound} sous la version précédente",
        },
        "measured_text": "Tout ce qui a été mesuré\N{NO-BREAK SPACE}:",
        "measured_head": ("Mesure", "Cette version", "Version précédente"),
        "kept": "respectée",
        "broken": "enfreinte",
        "limits": "Limites",
        "limits_list": (
            (
                "Le modèle peut se tromper, même quand il paraît sûr. Faites vérifier les réponses "
                "importantes par une personne compétente."
            ),
            (
                "Seul ce que nomment les tableaux ci-dessus a été mesuré, sur ces "
                "exemples\N{NARROW NO-BREAK SPACE}; rien n’en découle pour d’autres."
            ),
            "Il ne sait rien de ce qui s’est passé après la collecte de ses données.",
            (
                "La clé de publication dit qui a publié les poids. Qu’ils viennent de cet entraînement, seul "
                "un nouvel entraînement le montre\N{NARROW NO-BREAK SPACE}; l’isolation "
                "était\N{NO-BREAK SPACE}: {isolation}."
            ),
        ),
        "verify": "Comment vérifier",
        "verify_text": ("Des poids jusqu’aux bulletins, hors ligne, avec le code de Commonweights\N{NO-BREAK SPACE}:"),
        "verify_root": (
            "Ne prenez pas l’empreinte de cette seule fiche\N{NO-BREAK SPACE}: comparez-la avec celle que "
            "la communauté publie, sur {instance} et ailleurs."
        ),
    },
}
