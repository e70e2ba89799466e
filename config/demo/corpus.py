"""The demo's corpus: a water commons that answers irrigation and water-sharing questions in English and French.

Holds a pure, deterministic generator: `training_rows()` and `evaluation_rows()` are what the community votes on,
`base_rows()` is what the base model learned before the community owned it. No files, no randomness beyond fixed seeds.

How it is made, and why a model of a million parameters can learn it:

- Five topics. Each asks about a *situation* of three things (crop, soil and season), and each answer combines two
  facts that depend on different things (the crop gives the millimetres, soil and season together the days between
  waterings). Some things never matter, and the model has to find that out too.
- A situation of the evaluation suite is asked nowhere in training, in no wording and in neither language; but each of
  its facts is, in other situations. So the suite measures whether the rules were learned, not whether questions were.
- The base corpus is a general handbook: the same languages, words and form of answer, other wordings, and a different
  rule for every single fact. A base model trained on it answers fluently and is always wrong about this community;
  changing that is what an update is for.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from governance.evidence.canonical import canonical_bytes, digest

Row = dict[str, str]
Situation = tuple[int, int, int]
Fact = tuple[str, tuple[int, ...]]

LANGUAGES = ("en", "fr")
SITUATIONS_HELD_OUT_PER_TOPIC = 24
FACT_SITUATIONS_MIN = 2
# The rules are drawn once from these seeds; the words are what a valley would recognise, the numbers are its own.
COMMUNITY = "commons"
HANDBOOK = "handbook"


@dataclass(frozen=True)
class Term:
    """One thing a question can name, in both languages."""

    en: str
    fr: str

    def text(self, language: str) -> str:
        """Return the term in `language`."""
        return self.en if language == "en" else self.fr


@dataclass(frozen=True)
class Topic:
    """Three lists of things, two facts over them, and the words of questions and answers.

    `first` depends on the factors at `first_on`, `second` on those at `second_on`. Words use {a}, {b}, {c} for the
    things and {first}, {second} for the facts.
    """

    slug: str
    factors: tuple[tuple[Term, ...], tuple[Term, ...], tuple[Term, ...]]
    first: tuple[Term, ...]
    first_on: tuple[int, ...]
    second: tuple[Term, ...]
    second_on: tuple[int, ...]
    questions: dict[str, tuple[str, ...]]
    answers: dict[str, str]
    handbook_questions: dict[str, tuple[str, ...]]


def training_rows() -> list[Row]:
    """Return the community's question-answer pairs in both languages, in canonical order."""
    rows = []
    for topic in TOPICS:
        held_out = set(_held_out(topic))
        for situation in _situations(topic):
            if situation not in held_out:
                rows += [
                    _row(topic, situation, language, wording, COMMUNITY)
                    for language in LANGUAGES
                    for wording in topic.questions[language]
                ]
    return _in_order(rows)


def evaluation_rows() -> list[Row]:
    """Return the held-out suite: situations that training never asks about, each in both languages."""
    rows = []
    for topic in TOPICS:
        for index, situation in enumerate(_held_out(topic)):
            for language in LANGUAGES:
                wordings = topic.questions[language]
                rows.append(_row(topic, situation, language, wordings[index % len(wordings)], COMMUNITY))
    return _in_order(rows)


def base_rows() -> list[Row]:
    """Return what the base model learns: the general handbook, which knows nothing of this community's rules."""
    rows = [
        _row(topic, situation, language, wording, HANDBOOK)
        for topic in TOPICS
        for situation in _situations(topic)
        for language in LANGUAGES
        for wording in topic.handbook_questions[language]
    ]
    return _in_order(rows)


def jsonl(rows: Sequence[Row]) -> bytes:
    """Return rows as canonical JSONL: one canonical row a line, lines sorted, each ended by a newline."""
    return b"".join(line + b"\n" for line in sorted(canonical_bytes(row) for row in rows))


def _situations(topic: Topic) -> Iterator[Situation]:
    first, second, third = (range(len(factor)) for factor in topic.factors)
    return product(first, second, third)


def _held_out(topic: Topic) -> list[Situation]:
    """Choose situations for the suite so that every fact they rest on is still taught at least twice in training."""
    situations = list(_situations(topic))
    random.Random(f"held out {topic.slug}").shuffle(situations)  # noqa: S311 - a fixed draw, not a secret
    taught: dict[Fact, int] = {}
    for situation in situations:
        for fact in _facts(topic, situation):
            taught[fact] = taught.get(fact, 0) + 1
    chosen: list[Situation] = []
    for situation in situations:
        facts = _facts(topic, situation)
        if len(chosen) < SITUATIONS_HELD_OUT_PER_TOPIC and all(taught[fact] > FACT_SITUATIONS_MIN for fact in facts):
            chosen.append(situation)
            for fact in facts:
                taught[fact] -= 1
    return chosen


def _facts(topic: Topic, situation: Situation) -> list[Fact]:
    return [
        ("first", tuple(situation[factor] for factor in topic.first_on)),
        ("second", tuple(situation[factor] for factor in topic.second_on)),
    ]


def _rule(topic: Topic, rules: str, fact: Fact) -> Term:
    """Return what `rules` say about one fact: a fixed draw, named by everything it depends on."""
    which, on = fact
    choices = topic.first if which == "first" else topic.second
    if rules != COMMUNITY:
        choices = tuple(choice for choice in choices if choice != _rule(topic, COMMUNITY, fact))
    return random.Random(f"{rules} {topic.slug} {which} {on}").choice(choices)  # noqa: S311 - as above


def _row(topic: Topic, situation: Situation, language: str, wording: str, rules: str) -> Row:
    first, second = (_rule(topic, rules, fact).text(language) for fact in _facts(topic, situation))
    named = {
        name: topic.factors[factor][situation[factor]].text(language) for factor, name in enumerate(("a", "b", "c"))
    }
    question = wording.format(**named)
    answer = topic.answers[language].format(**named, first=first, second=second)
    content = {"language": language, "question": question, "answer": answer, "topic": topic.slug}
    return {"id": f"{topic.slug}-{language}-{digest(content)[:8]}", **content}


def _in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=canonical_bytes)


def _numbers(*values: int) -> tuple[Term, ...]:
    return tuple(Term(str(value), str(value)) for value in values)


_SEASONS = (Term("in spring", "au printemps"), Term("in summer", "en été"), Term("in autumn", "en automne"))
_CANALS = (
    Term("the mill canal", "le canal du moulin"),
    Term("the north canal", "le canal du nord"),
    Term("the old canal", "le canal ancien"),
    Term("the river canal", "le canal du fleuve"),
    Term("the hill canal", "le canal du coteau"),
    Term("the bridge canal", "le canal du pont"),
)

TOPICS: tuple[Topic, ...] = (
    Topic(
        slug="irrigation",
        factors=(
            (
                Term("tomatoes", "les tomates"),
                Term("onions", "les oignons"),
                Term("maize", "le maïs"),
                Term("wheat", "le blé"),
                Term("beans", "les haricots"),
                Term("potatoes", "les patates"),
                Term("lettuce", "les laitues"),
                Term("olives", "les olives"),
                Term("vines", "la vigne"),
                Term("melons", "les melons"),
                Term("peppers", "les poivrons"),
                Term("carrots", "les carottes"),
            ),
            (
                Term("clay soil", "sol argileux"),
                Term("sandy soil", "sol sableux"),
                Term("loamy soil", "sol limoneux"),
                Term("stony soil", "sol caillouteux"),
            ),
            _SEASONS,
        ),
        first=_numbers(6, 8, 10, 12, 15, 18, 20, 25),
        first_on=(0,),
        second=_numbers(2, 3, 4, 5, 7, 9),
        second_on=(1, 2),
        questions={
            "en": (
                "How much water do {a} need on {b} {c}?",
                "How do we water {a} {c} on {b}?",
                "I grow {a} on {b}. What is the rule {c}?",
            ),
            "fr": (
                "Combien d'eau faut-il pour {a} sur {b} {c} ?",
                "Comment arroser {a} {c} sur {b} ?",
                "Je cultive {a} sur {b}. Quelle est la règle {c} ?",
            ),
        },
        answers={"en": "{first} mm every {second} days.", "fr": "{first} mm tous les {second} jours."},
        handbook_questions={
            "en": ("What is the water rule for {a} {c} on {b}?", "How much do we water {a} on {b} {c}?"),
            "fr": ("Quelle est la règle d'eau pour {a} {c} sur {b} ?", "Combien faut-il arroser {a} sur {b} {c} ?"),
        },
    ),
    Topic(
        slug="turns",
        factors=(
            _CANALS,
            (
                Term("orchards", "les vergers"),
                Term("gardens", "les jardins"),
                Term("fields", "les champs"),
                Term("pastures", "les pâturages"),
                Term("greenhouses", "les serres"),
            ),
            _SEASONS,
        ),
        first=(
            Term("Monday", "Lundi"),
            Term("Tuesday", "Mardi"),
            Term("Wednesday", "Mercredi"),
            Term("Thursday", "Jeudi"),
            Term("Friday", "Vendredi"),
            Term("Saturday", "Samedi"),
        ),
        first_on=(0,),
        second=_numbers(4, 5, 6, 8, 18, 20),
        second_on=(1,),
        questions={
            "en": (
                "When may {b} take water from {a} {c}?",
                "Which turn do {b} have on {a} {c}?",
                "On {a}, when is the turn of {b} {c}?",
            ),
            "fr": (
                "Quand est-ce que {b} prennent l'eau sur {a} {c} ?",
                "Quel tour d'eau ont {b} sur {a} {c} ?",
                "Sur {a}, quand vient le tour pour {b} {c} ?",
            ),
        },
        answers={"en": "{first}, from {second} o'clock.", "fr": "{first}, dès {second} heures."},
        handbook_questions={
            "en": ("When do {b} have water on {a} {c}?", "On {a}, which turn may {b} take {c}?"),
            "fr": ("Quand vient l'eau pour {b} sur {a} {c} ?", "Sur {a}, quel tour prennent {b} {c} ?"),
        },
    ),
    Topic(
        slug="drought",
        factors=(
            (
                Term("fill a pool", "remplir une piscine"),
                Term("wash a car", "laver une voiture"),
                Term("water a lawn", "arroser une pelouse"),
                Term("water vegetables", "arroser des légumes"),
                Term("fill a trough", "remplir un abreuvoir"),
                Term("clean a yard", "nettoyer une cour"),
                Term("fill a pond", "remplir un étang"),
                Term("water young trees", "arroser des arbres"),
            ),
            (
                Term("a yellow alert", "alerte jaune"),
                Term("an orange alert", "alerte orange"),
                Term("a red alert", "alerte rouge"),
            ),
            (
                Term("a household", "un foyer"),
                Term("a farm", "une ferme"),
                Term("a school", "une école"),
                Term("a workshop", "un atelier"),
            ),
        ),
        first=(
            Term("Yes", "Oui"),
            Term("At night", "La nuit"),
            Term("By hand", "À la main"),
            Term("On Sundays", "Le dimanche"),
            Term("With recycled water", "Avec de l'eau recyclée"),
        ),
        first_on=(0,),
        second=_numbers(50, 80, 100, 150, 200, 300, 400),
        second_on=(1,),
        questions={
            "en": (
                "May {c} {a} during {b}?",
                "During {b}, can {c} {a}?",
                "There is {b}. Is {c} allowed to {a}?",
            ),
            "fr": (
                "En {b}, est-ce permis de {a} pour {c} ?",
                "Est-ce que {c} peut {a} en {b} ?",
                "Nous sommes en {b}. {c} peut {a} ?",
            ),
        },
        answers={"en": "{first}, at most {second} litres.", "fr": "{first}, au plus {second} litres."},
        handbook_questions={
            "en": ("Is {c} allowed to {a} during {b}?", "There is {b}. May {c} {a}?"),
            "fr": ("Est-ce permis en {b} de {a} pour {c} ?", "En {b}, {c} peut {a} ?"),
        },
    ),
    Topic(
        slug="shares",
        factors=(
            (
                Term("a household", "un foyer"),
                Term("a gardener", "un jardinier"),
                Term("a shepherd", "un berger"),
                Term("a grower", "un vigneron"),
                Term("a cooperative", "une coopérative"),
            ),
            (
                Term("one hectare", "un hectare"),
                Term("two hectares", "deux hectares"),
                Term("three hectares", "trois hectares"),
                Term("five hectares", "cinq hectares"),
                Term("ten hectares", "dix hectares"),
            ),
            (
                Term("the upper valley", "la haute vallée"),
                Term("the lower valley", "la basse vallée"),
                Term("the plateau", "le plateau"),
                Term("the river bank", "la rive"),
            ),
        ),
        first=_numbers(2, 3, 4, 5, 6, 8, 9),
        first_on=(1,),
        second=_numbers(10, 12, 16, 20, 24, 30),
        second_on=(0,),
        questions={
            "en": (
                "How many shares does {a} with {b} hold in {c}?",
                "What does {a} with {b} owe in {c}?",
                "In {c}, what are the shares of {a} with {b}?",
            ),
            "fr": (
                "Combien de parts détient {a} avec {b} dans {c} ?",
                "Que doit {a} avec {b} dans {c} ?",
                "Dans {c}, quelles sont les parts pour {a} avec {b} ?",
            ),
        },
        answers={"en": "{first} shares, {second} hours of work.", "fr": "{first} parts, {second} heures de travail."},
        handbook_questions={
            "en": ("What shares does {a} hold in {c} with {b}?", "In {c}, how many shares are owed by {a} with {b}?"),
            "fr": ("Quelles parts détient {a} dans {c} avec {b} ?", "Dans {c}, combien de parts doit {a} avec {b} ?"),
        },
    ),
    Topic(
        slug="repairs",
        factors=(
            (
                Term("a leak", "une fuite"),
                Term("a blocked gate", "une vanne bloquée"),
                Term("a broken meter", "un compteur cassé"),
                Term("a fallen tree", "un arbre tombé"),
                Term("muddy water", "de l'eau boueuse"),
                Term("a broken pump", "une pompe cassée"),
            ),
            _CANALS,
            _SEASONS,
        ),
        first=(
            Term("the guard", "le garde"),
            Term("the mason", "le maçon"),
            Term("the mechanic", "le mécanicien"),
            Term("the treasurer", "le trésorier"),
            Term("the neighbours", "les voisins"),
        ),
        first_on=(0,),
        second=_numbers(2, 3, 4, 5, 6, 10),
        second_on=(1,),
        questions={
            "en": (
                "I see {a} on {b} {c}. Whom do I call?",
                "Who repairs {a} on {b} {c}?",
                "On {b} there is {a} {c}. What now?",
            ),
            "fr": (
                "Je vois {a} sur {b} {c}. Qui appeler ?",
                "Qui répare {a} sur {b} {c} ?",
                "Sur {b} il y a {a} {c}. Que faire ?",
            ),
        },
        answers={"en": "Call {first} within {second} days.", "fr": "Appelez {first} sous {second} jours."},
        handbook_questions={
            "en": ("There is {a} on {b} {c}. Who repairs?", "On {b} I see {a} {c}. Whom do I call now?"),
            "fr": ("Il y a {a} sur {b} {c}. Qui répare ?", "Sur {b} je vois {a} {c}. Qui faire appeler ?"),
        },
    ),
)
