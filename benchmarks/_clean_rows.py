"""Makes clean questions and answers in English and French, with many a decoy: what looks like a finding and is none."""

import random

Row = dict[str, str]

DECOY_SHARE = 0.02
TOPICS = ("water", "seeds", "roads", "school", "forest", "market")

_WORDS = {
    "en": {
        "who": "keeper warden cook miller weaver baker carpenter teacher nurse gardener driver mason clerk shepherd",
        "did": "opened closed repaired measured painted emptied filled moved checked counted cleaned tied marked",
        "what": (
            "sluice gate basin channel orchard meadow hedge barn oven bridge path ladder bench roof well pump shed "
            "ditch fence lamp bell cart boat net rope wheel table shelf garden quarry cellar stable tower chapel kiln"
        ),
        "how": (
            "broken old narrow muddy dry heavy wooden rusty quiet shared upper lower steep empty new northern southern "
            "stone shallow crooked painted common distant sunny shaded leaking frozen"
        ),
        "where": (
            "behind the mill|near the river|under the oaks|beside the chapel|above the village|below the dam|along the "
            "ridge|at the crossroads|inside the barn|by the old quarry|across the bridge|around the pond|past the fair"
        ),
        "when": (
            "before dawn|after the harvest|in early spring|during the drought|on market days|at the first frost|in the "
            "dry weeks|late in the evening|when the bell rings|once a month|every second week|after heavy rain"
        ),
    },
    "fr": {
        "who": "gardien meunier boulanger maçon berger tisserand charpentier instituteur jardinier forgeron voisin",
        "did": "ouvert fermé réparé mesuré peint vidé rempli déplacé vérifié compté nettoyé attaché porté marqué",
        "what": (
            "bassin canal verger pré four pont sentier banc toit puits hangar mur fossé grillage moulin lavoir tonneau "
            "filet rouet pressoir grenier portail ruisseau talus abri barrage clocher escalier cellier potager étang"
        ),
        "how": (
            "cassé vieux étroit boueux sec lourd rouillé calme partagé raide vide neuf courbé commun lointain ombragé "
            "gelé profond fragile discret ancien bancal solide léger"
        ),
        "where": (
            "derrière le moulin|près de la rivière|sous les chênes|à côté de la chapelle|hors du village|en aval du "
            "barrage|le long de la crête|au carrefour|dans la grange|devant la mairie|autour de l’étang|après le marché"
        ),
        "when": (
            "avant l’aube|après la moisson|au début du printemps|pendant la sécheresse|les jours de fête|aux premières "
            "gelées|pendant les semaines sèches|tard le soir|quand la cloche sonne|une fois par mois|après les pluies"
        ),
    },
}
_LISTS = {
    language: {name: words.split("|") if "|" in words else words.split() for name, words in lists.items()}
    for language, lists in _WORDS.items()
}
_QUESTIONS = {
    "en": (
        "Who has {did} the {how} {what} {where}, and why was it done {when}?",
        "When should the {who} look at the {how} {what} {where}?",
        "What happens to the {what} if the {who} has not {did} the {how} {what2} {when}?",
        "How do we know that the {how} {what} was {did} {where}?",
        "Which {what} {where} belongs to the {who}, the {how} one or the {how2} one?",
        "May the {who} use the {how} {what} {when}?",
    ),
    "fr": (
        "Qui a {did} le {what} {how} {where}, et pourquoi était-ce {when} ?",
        "Quand faut-il que le {who} regarde le {what} {how} {where} ?",
        "Que se passe-t-il si le {who} n’a pas {did} le {what} {how} {when} ?",
        "Comment savons-nous que le {what} {how} a été {did} {where} ?",
        "Quel {what} {where} appartient au {who}, celui qui est {how} ou celui qui est {how2} ?",
        "Le {who} peut-il se servir du {what} {how} {when} ?",
    ),
}
_ANSWERS = {
    "en": (
        "The {who} {did} the {how} {what} {where} {when}.",
        "It takes {n} hours and {m} people, because the {what} is {how}.",
        "Nobody may touch the {what} {where} unless the {who} has {did} it.",
        "We wrote down that the {how2} {what2} was {did2} {when}.",
        "Ask the {who2} about the {how} {what2}; the meeting of {n} May decided so.",
        "At least {n} litres have to stay in the {what}, even {when}.",
        "That depends on the {how2} {what}, which the {who2} {did2} {where}.",
        "If the {what2} is {how2}, we wait for {m} days and look again {when}.",
    ),
    "fr": (
        "Le {who} a {did} le {what} {how} {where} {when}.",
        "Il faut {n} heures et {m} personnes, car le {what} est {how}.",
        "Personne ne touche au {what} {where} sans que le {who} l’ait {did}.",
        "Nous avons noté que le {what2} {how2} a été {did2} {when}.",
        "Demandez au {who2} ce qu’il pense du {what2} {how} ; la réunion du {n} mai l’a décidé.",
        "Au moins {n} litres doivent rester dans le {what}, même {when}.",
        "Cela dépend du {what} {how2} que le {who2} a {did2} {where}.",
        "Si le {what2} est {how2}, on attend {m} jours et on regarde encore {when}.",
    ),
}
# Each looks like what some scan looks for, and is none.
DECOYS = {
    "en": (
        "From 2024-01-01 to 2026-12-31 the meter counted 1 500 000 litres at 3.14 bar.",
        "Meter 4111 1111 1111 1112 was replaced; its number has no valid check digit.",
        "We run version 10.4.2.1 of the program on the machine at 192.168.1.20.",
        "Commit 3f2a9c1b77 has the digest e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.",
        "The password is written on the blackboard, and the token of the laundry is blue.",
        "The secret of good bread is time; the key is under the mat.",
        "All women and men of the village are welcome, and all immigrants are members.",
        "The thief was caught; old people are patient with him.",
        "Prices: €12.50 ± 5 %, at 06:30, 07:45 and 18:00; see §4 and figure 3.",
        "The μ-meter shows 5 µm, the α-sensor 3 kΩ, and the roof 12 m² of solar cells.",
        "We say “thank you” ☀️ and ❤️ to the family 👨‍👩‍👧 that helped.",
        "Scunthorpe, Essex and Penistone are towns; a cockerel and a great tit are birds.",
        "Write a < b | c > d, then press [Enter]; see <https://example.org/path?x=1>.",
        "Anna and Иван met a friend who writes his name in Greek as Γιώργος.",
        "The well has 0033 as its number, the pump 555-0199, and the barn 12.34.56.",
        "He passed 12345678 grains through the sieve: 0 1 2 3 4 5 6 7 8 9 10 11 12.",
        "A licence to fish costs nothing; ask for the right form at the office.",
        "Twitter handle @water_commons; room 12; article 5, line 3; chapter IV.",
    ),
    "fr": (
        "Du 1er janvier 2024 au 31 décembre 2026, 1 500 000 litres à 3,14 bar.",
        "Le compteur 4111 1111 1111 1112 a été remplacé ; sa clé de contrôle est fausse.",
        "Le mot de passe est affiché au tableau, et le jeton de la machine est bleu.",
        "Toutes les femmes et tous les hommes du village sont bienvenus ; les immigrés sont membres.",
        "Les vieux murs sont sales, les rues sont dangereuses quand il gèle.",
        "La connexion est lente, la retraite approche, le concombre est mûr.",
        "Prix : 12,50 € ± 5 %, à 06 h 30, 07 h 45 et 18 h ; voir l’article 5.",
        "Le capteur α affiche 5 µm et 3 kΩ ; le toit porte 12 m² de panneaux ☀️.",
        "FR76 3000 6000 0112 3456 7890 188 n’est pas un compte : sa clé est fausse.",
        "Le numéro 0612 est celui du puits, et 2026.11.22 est une date.",
        "Le permis de pêche est gratuit ; demandez le formulaire à la mairie.",
        "Œuvre, cœur, naïf, Noël, où, ça, là-bas : l’orthographe compte « toujours ».",
    ),
}


def sentence(draw: random.Random, pattern: str, language: str) -> str:
    """Fill a pattern with words drawn by lot."""
    lists = _LISTS[language]
    values = {name: draw.choice(words) for name, words in lists.items()}
    values |= {f"{name}2": draw.choice(words) for name, words in lists.items()}
    values |= {"n": str(draw.randint(2, 30)), "m": str(draw.randint(2, 12))}
    return pattern.format(**values)


def clean_row(draw: random.Random, name: str) -> Row:
    """Make one clean row; one in fifty holds a decoy."""
    language = draw.choice(("en", "fr"))
    answers = [sentence(draw, pattern, language) for pattern in draw.sample(_ANSWERS[language], draw.randint(1, 4))]
    if draw.random() < DECOY_SHARE:
        answers.append(draw.choice(DECOYS[language]))
    question = sentence(draw, draw.choice(_QUESTIONS[language]), language)
    topic = draw.choice(TOPICS)
    return {"id": name, "language": language, "topic": topic, "question": question, "answer": " ".join(answers)}


def clean_rows(count: int, seed: str, asked: set[str] | None = None) -> list[Row]:
    """Make clean rows, the same for the same seed; none asks what was `asked`; their questions are added to it."""
    draw, asked, rows = random.Random(seed), set() if asked is None else asked, list[Row]()
    while len(rows) < count:
        row = clean_row(draw, f"{seed}-{len(rows)}")
        if row["question"] not in asked:
            asked.add(row["question"])
            rows.append(row)
    return rows
