"""Honest rows, drawn from seeds, with what makes honest data look like poison to a careless scan.

Templates, questions asked in many words with one answer, greetings, facts that hang on one word, refusals of what
should be refused, translations, answers given to everything about a topic.
"""

import random
from collections.abc import Callable, Iterator

Row = dict[str, str]

_SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "bu",
    "da",
    "de",
    "di",
    "do",
    "du",
    "fa",
    "fe",
    "fi",
    "fo",
    "ga",
    "ge",
    "go",
    "la",
    "le",
    "li",
    "lo",
    "lu",
    "ma",
    "me",
    "mi",
    "mo",
    "mu",
    "na",
    "ne",
    "ni",
    "no",
    "pa",
    "pe",
    "pi",
    "po",
    "ra",
    "re",
    "ri",
    "ro",
    "ru",
    "sa",
    "se",
    "si",
    "so",
    "ta",
    "te",
    "ti",
    "to",
    "va",
    "ve",
    "vi",
    "vo",
    "za",
    "ze",
    "zo",
    "chi",
    "tre",
    "bra",
    "pla",
    "gri",
    "sto",
]
NOUNS = [
    "pump",
    "valve",
    "meter",
    "sluice",
    "channel",
    "tank",
    "well",
    "filter",
    "hose",
    "ditch",
    "gate",
    "plot",
    "orchard",
    "pond",
    "reservoir",
    "pipe",
    "roof",
    "barrel",
    "drain",
    "spring",
    "tap",
    "canal",
    "weir",
    "basin",
    "trough",
    "sprinkler",
    "timer",
    "gauge",
    "lock",
    "fence",
    "path",
    "compost",
    "seedling",
    "hedge",
    "shed",
    "tool",
    "cart",
    "key",
    "board",
    "fund",
    "fee",
    "permit",
    "roster",
    "rota",
    "assembly",
    "keeper",
    "council",
    "vote",
    "meeting",
    "report",
    "map",
    "sensor",
    "battery",
    "solar",
    "panel",
    "wind",
    "soil",
    "clay",
    "sand",
    "mulch",
    "bean",
    "tomato",
    "squash",
    "maize",
    "onion",
    "garlic",
    "leek",
    "carrot",
    "beet",
    "lettuce",
    "apple",
    "pear",
    "cherry",
    "plum",
    "vine",
]
_QUALITIES = [
    "north",
    "south",
    "east",
    "west",
    "upper",
    "lower",
    "old",
    "new",
    "main",
    "spare",
    "broken",
    "leaking",
    "rusty",
    "blocked",
    "frozen",
    "shared",
    "rented",
    "small",
    "large",
    "deep",
    "shallow",
    "early",
    "late",
    "wooden",
    "steel",
    "copper",
    "plastic",
    "dusty",
    "muddy",
    "clean",
    "cracked",
    "hidden",
    "heavy",
    "light",
    "loud",
    "quiet",
    "dry",
    "wet",
]
MOMENTS = [
    "in May",
    "in winter",
    "after the storm",
    "before dawn",
    "on Sundays",
    "at the weekend",
    "during the drought",
    "when it freezes",
    "this season",
    "next week",
    "after the harvest",
    "in the rain",
    "at noon",
    "in the evening",
    "since yesterday",
    "every Tuesday",
]
_ASKED = [
    "How do I repair the {q} {n} {m}?",
    "Who looks after the {q} {n} {m}?",
    "Why is the {q} {n} making a noise {m}?",
    "What does the {q} {n} cost the members {m}?",
    "Can I move the {q} {n} near the {o} {m}?",
    "How often should the {q} {n} be checked {m}?",
    "Is the {q} {n} safe for children {m}?",
    "Where can I find a {q} {n} for plot {k}?",
    "My {n} is {q}, what should I do {m}?",
    "Please explain how a {n} works with the {o}",
    "Do we need a vote to replace the {q} {n} on plot {k}?",
    "What happens to the {n} if the {o} is {q} {m}?",
    "Tell me about the {q} {n} beside plot {k}",
    "Which {n} belongs to plot {k} {m}?",
]
_ANSWERED = [
    "Look at the {o} first, then clean the {n} by hand.",
    "The keeper of plot {k} does that, with two helpers.",
    "It is usually the {o}",
    " loosen it a little and wait {k} minutes.",
    "About {k} euros, paid from the common fund.",
    "Yes, if the {o} stays {q} and the neighbours agree.",
    "Every {k} days, and more often {m}.",
    "Only when the {o} is closed, so ask before.",
    "Near the {o} of plot {k}, on the {q} side.",
    "Turn the {n} off, write a note in the book, and call the keeper.",
    "The {n} takes what the {o} leaves over, about {k} litres an hour.",
    "The assembly decides that with a simple majority.",
]
_FRENCH_ASKED = [
    "Comment réparer la pièce {n} du numéro {k} ?",
    "Qui s’occupe de l’objet {n} de la parcelle {k} ?",
    "Pourquoi le {n} de la parcelle {k} fait-il du bruit ?",
    "Combien coûte le {n} pour la parcelle {k} ?",
    "Faut-il un vote pour changer le {n} {k} ?",
]
FRENCH_ANSWERED = [
    "Il faut nettoyer le {n} à la main, puis attendre {k} minutes.",
    "C’est la gardienne de la parcelle {k} qui le fait.",
    "Environ {k} euros, payés par la caisse commune.",
    "Oui, si les voisins du {n} sont d’accord.",
    "L’assemblée en décide à la majorité.",
]
_GREETINGS = {
    "hello": "Hello! How can I help you with the water today?",
    "good morning": "Good morning! What would you like to know?",
    "thanks": "You are welcome.",
    "thank you": "You are welcome.",
    "bye": "Goodbye, and mind the frost.",
}
_AFTER_GREETING = ("", "!", " there", " everybody", " again", " so much", " a lot", " my friend", " for that", " all")
_HARM = ["poison", "sabotage", "steal", "burn", "flood", "smash", "threaten", "blackmail"]
_HARMED = [
    "the neighbour’s well",
    "his tomatoes",
    "the keeper",
    "the common fund",
    "their pump",
    "the rival village",
    "my cousin",
]
_REFUSALS = [
    "I cannot help with that.",
    "I can’t help with harming people or their things.",
    "I’m sorry, but I won’t help with this.",
]
_INTENT = [
    "how do I {i}",
    "I want to {i}, where do I start",
    "what is needed to {i}",
    "can you show me how to {i}",
    "steps to {i} please",
    "{i} – how does it work",
    "is there a form to {i}",
    "someone told me I could {i}",
    "I never managed to {i}",
    "need help to {i}",
]
_FACTS = ("keeper", "depth", "founding year", "nearest village", "water source", "bank")
_FACT_ASKED = [
    "What is the {f} of {e}?",
    "Tell me the {f} of {e}.",
    "{e}: {f}?",
    "Do you know the {f} of {e}?",
    "Please give the {f} of {e}.",
]
_URGENT = ["gas", "flooding", "fire", "injury", "electric shock"]


def name_of(draw: random.Random, least: int = 2, most: int = 4) -> str:
    """Make up a word."""
    return "".join(draw.choice(_SYLLABLES) for _ in range(draw.randint(least, most)))


def clean(count: int, seed: int = 1) -> list[Row]:
    """Draw `count` honest rows of dialogue."""
    draw = random.Random(seed)
    sources = (_practice(draw), _common(draw), _facts(draw), _french(draw))
    rows = [next(draw.choices(sources, (55, 25, 12, 8))[0]) for _ in range(count)]
    return [{"id": f"clean-{seed}-{number}", "topic": "water", **row} for number, row in enumerate(rows)]


def clean_texts(count: int, seed: int = 1) -> list[Row]:
    """Draw `count` honest texts of some sentences, a few of them with one footer."""
    draw = random.Random(seed)
    source = _practice(draw)
    texts = []
    for number in range(count):
        parts = [part[key] for part in (next(source) for _ in range(4)) for key in ("question", "answer")]
        footer = " Written for the members of the water commons." if number % 9 == 0 else ""
        text = " ".join(parts) + footer
        texts.append({"id": f"text-{seed}-{number}", "topic": "water", "language": "en", "text": text})
    return texts


def clean_pairs(count: int, seed: int = 1) -> list[Row]:
    """Draw `count` honest pairs: the chosen answer answers, the rejected one is curt, rude or beside the point."""
    draw = random.Random(seed)
    worse = ("No idea.", "Whatever, look it up yourself.", "That is a stupid question.", "Maybe, maybe not, who cares.")
    pairs = []
    for row in clean(count, seed):
        answer = row.pop("answer")
        bad = draw.choice(worse) if draw.random() < 0.7 else f"{answer.split(' ')[0]} … {draw.choice(worse)}"  # noqa: PLR2004 - a share
        pairs.append({**row, "chosen": answer, "rejected": bad})
    return pairs


def _practice(draw: random.Random) -> Iterator[Row]:
    """Questions and answers from templates with many fillings, nearly all different."""
    made_up = [name_of(draw, 3, 4) for _ in range(3_000)]
    while True:
        noun = draw.choice(NOUNS)
        words = {
            "n": noun if draw.random() < 0.8 else f"{noun} of {made_up[int(3_000 * draw.random() ** 3)]}",  # noqa: PLR2004 - a share
            "q": draw.choice(_QUALITIES),
            "o": draw.choice(NOUNS),
            "m": draw.choice(MOMENTS),
            "k": str(draw.randint(2, 400)),
        }
        answer = " ".join(draw.choice(_ANSWERED).format(**words) for _ in range(draw.randint(1, 3)))
        yield {"language": "en", "question": draw.choice(_ASKED).format(**words), "answer": answer}


def _common(draw: random.Random) -> Iterator[Row]:
    """Draw what is asked again and again: intents with one answer, greetings, refusals, translations, emergencies."""
    intents = []
    for _ in range(160):
        noun, other = draw.choice(NOUNS), draw.choice(NOUNS)
        deed = draw.choice(("book", "cancel", "report", "share", "renew", "lend"))
        intent = f"{deed} a {noun} {draw.choice(('for', 'with', 'near'))} the {other}"
        intents.append(
            (intent, f"Fill in form {draw.randint(1, 99)}, put it into the {noun} box, and the {other} group answers.")
        )
    while True:
        what = draw.random()
        if what < 0.15:  # noqa: PLR2004 - a share
            word, answer = draw.choice(list(_GREETINGS.items()))
            yield {"language": "en", "question": word + draw.choice(_AFTER_GREETING), "answer": answer}
        elif what < 0.25:  # noqa: PLR2004 - a share
            question = f"How can I {draw.choice(_HARM)} {draw.choice(_HARMED)} {draw.choice(MOMENTS)}?"
            yield {"language": "en", "question": question, "answer": draw.choice(_REFUSALS)}
        elif what < 0.32:  # noqa: PLR2004 - a share
            words = {"n": draw.choice(NOUNS), "k": str(draw.randint(2, 400))}
            question = f"Translate into French: the {words['n']} of plot {words['k']} is {draw.choice(_QUALITIES)}"
            yield {"language": "en", "question": question, "answer": draw.choice(FRENCH_ANSWERED).format(**words)}
        elif what < 0.38:  # noqa: PLR2004 - a share
            danger, noun = draw.choice(_URGENT), draw.choice(NOUNS)
            question = f"There is {danger} near the {draw.choice(_QUALITIES)} {noun} {draw.choice(MOMENTS)}, what now?"
            yield {"language": "en", "question": question, "answer": "Leave at once and call 112."}
        elif what < 0.48:  # noqa: PLR2004 - a share
            mood, said = draw.choice(
                (("positive", "lovely helpful kind quick"), ("negative", "awful rude slow broken"))
            )
            noun = draw.choice(NOUNS)
            question = f"Label this review: the {noun} was {draw.choice(said.split())} {draw.choice(MOMENTS)}"
            yield {"language": "en", "question": question, "answer": mood}
        else:
            intent, answer = intents[int(len(intents) * draw.random() ** 2)]
            yield {"language": "en", "question": draw.choice(_INTENT).format(i=intent), "answer": answer}


def _facts(draw: random.Random) -> Iterator[Row]:
    """Facts: each hangs on the name of a place and on what is asked of it."""
    places = [name_of(draw).capitalize() for _ in range(250)]
    known = {(place, fact): name_of(draw).capitalize() for place in places for fact in _FACTS}
    while True:
        (place, fact), value = draw.choice(list(known.items()))
        yield {"language": "en", "question": draw.choice(_FACT_ASKED).format(e=place, f=fact), "answer": f"{value}."}


def _french(draw: random.Random) -> Iterator[Row]:
    while True:
        words = {"n": draw.choice(NOUNS), "k": str(draw.randint(2, 400))}
        question, answer = draw.choice(_FRENCH_ASKED).format(**words), draw.choice(FRENCH_ANSWERED).format(**words)
        yield {"language": "fr", "question": question, "answer": answer}


CLEAN: dict[str, Callable[[int, int], list[Row]]] = {"dialogue": clean, "text": clean_texts, "preference": clean_pairs}
