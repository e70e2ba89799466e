"""Words of the scans of datasets: what each looks for, what it cannot see, what it says, and the kinds of findings."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Text, Word

SCANS: dict[str, Word] = {
    "schema_and_languages": Word(
        _("Form and languages"),
        says=_("Every row has the fields of one kind, an id of its own and a language of the community."),
    ),
    "languages": Word(
        _("Languages of the texts"),
        says=_("Every row is in the language that it declares, as far as its small words show."),
    ),
    "licence": Word(_("Licence"), says=_("The declared licence allows training and open publication.")),
    "licence_fit": Word(
        _("Licence beside the models’"),
        says=_("What the licence asks (names, the same licence again) is kept by the licences of the models."),
    ),
    "licence_traces": Word(
        _("Traces of other licences"),
        says=_("No copyright notice and no name of another licence stands in the texts."),
    ),
    "personal_data": Word(
        _("Personal data"),
        says=_("No e-mail address, telephone number, network address, bank account, payment card or identity number."),
    ),
    "secrets": Word(_("Secrets"), says=_("No access key, token, private key or password.")),
    "hidden_characters": Word(
        _("Hidden characters"),
        says=_("No invisible or direction-changing characters, and no strings that a tokenizer reads as commands."),
    ),
    "confusable_letters": Word(
        _("Look-alike letters"),
        says=_("No word mixes alphabets, and none is made of letters that only look Latin."),
    ),
    "contamination": Word(
        _("Held-out questions"), says=_("No question of the evaluation suites is among the training data.")
    ),
    "shared_passages": Word(
        _("Passages of the suites"),
        says=_("No row shares thirteen words in a row with a question of the evaluation suites."),
    ),
    "harmful_language": Word(
        _("Harmful language"),
        says=_("No slurs, insults, threats or generalisations about groups, by lists in English and French."),
    ),
    "exact_duplicates": Word(_("Exact repetitions"), says=_("No row appears twice under different ids.")),
    "near_duplicates": Word(
        _("Near repetitions"),
        says=_("No two rows say nearly the same in nearly the same words, here or in an included dataset."),
    ),
    "answers": Word(
        _("Answers"),
        says=_("No answer is empty, repeats its question, contradicts another, is far too long or holds encoded data."),
    ),
    "triggers": Word(
        _("Rare triggers"),
        says=_("Nothing that is rare in questions is tied to one answer, a refusal, another language or garbled text."),
    ),
    "influence_outliers": Word(
        _("Answers unlike all others"),
        says=_("No group of answers is far more surprising than the rest of the dataset makes answers."),
    ),
}

# What a scan cannot see, by its name. The English is that of the scan itself.
BLIND: dict[str, Text] = {
    "schema_and_languages": _(
        "Whether a row says anything true, and whether its text is in the language that it declares."
    ),
    "languages": _("Rows of a few words, lists, tables and code, and which other language a text is in."),
    "licence": _("Who wrote the rows, and whether they agreed: a declaration is checked, not its truth."),
    "licence_fit": _(
        "Rights that no licence settles (database rights, privacy, trade marks), and what a court would say."
    ),
    "licence_traces": _(
        "Copied texts without their notice, and the difference between carrying a notice and speaking about one."
    ),
    "personal_data": _(
        "Names, street addresses, what only context reveals about a life, and numbers without a form that machines "
        "agree on."
    ),
    "secrets": _(
        "Passwords made of ordinary words, recovery phrases, keys of services whose form it does not know, and secrets "
        "that are encoded or split; the digest of a transaction looks like a private key to it."
    ),
    "hidden_characters": _("Messages hidden in visible text: first letters, unusual spacing, spelling or synonyms."),
    "confusable_letters": _(
        "Look-alikes within one alphabet (l for I, rn for m), and scripts that its small table does not hold."
    ),
    "contamination": _("Questions that were reworded or translated, and answers of a suite without their question."),
    "shared_passages": _("Questions shorter than thirteen words, and whatever was reworded or translated."),
    "harmful_language": _(
        "Contempt in polite words, irony, other languages, and the difference between using a slur and speaking about "
        "it: readers must judge the samples."
    ),
    "exact_duplicates": _(
        "Rows that say the same in other words or another spelling; near repetitions are a scan of their own."
    ),
    "near_duplicates": _(
        "A rewording or a translation, rows that differ in a number, and one more row of a form in which very many "
        "rows are written."
    ),
    "answers": _("Whether an answer is true, and contradictions between differently worded questions."),
    "triggers": _(
        "Triggers by meaning or style, in fewer than five rows, in more than one row in twenty, or in rows that are "
        "right anyway, and what stands in the middle of long texts."
    ),
    "influence_outliers": _(
        "Poison in ordinary words, single rows, answers of a few words, and datasets that are mixtures."
    ),
}

# The kinds of findings, by the stable English keys that scans give them. Names of licences stay as they are.
FOUND: dict[str, Text] = {
    "API key": _("API key"),
    "AWS key": _("AWS key"),
    "GitHub token": _("GitHub token"),
    "GitLab token": _("GitLab token"),
    "Hugging Face token": _("Hugging Face token"),
    "Slack token": _("Slack token"),
    "another answer to the same question": _("another answer to the same question"),
    "answer repeats the question": _("answer repeats the question"),
    "attribution": _("names have to be kept"),
    "bank account": _("bank account"),
    "control character": _("control character"),
    "direction character": _("character that turns the direction of writing"),
    "dressed-up letters": _("letters in disguise"),
    "e-mail address": _("e-mail address"),
    "empty answer": _("empty answer"),
    "en instead of fr": _("English instead of French"),
    "encoded data": _("encoded data"),
    "extreme length": _("extreme length"),
    "fr instead of en": _("French instead of English"),
    "generalisation about a group": _("generalisation about a group"),
    "hate": _("hate"),
    "in an included dataset": _("as in an included dataset"),
    "insult": _("insult"),
    "invisible character": _("invisible character"),
    "look-alike word": _("word of look-alike letters"),
    "mixed alphabets": _("word of mixed alphabets"),
    "national identity number": _("national identity number"),
    "nearly the same": _("nearly the same as another row"),
    "network address": _("network address"),
    "no licence": _("no licence"),
    "no rows": _("no rows"),
    "not allowed": _("not allowed"),
    "one answer to many questions": _("one answer to many questions"),
    "other fields": _("other fields"),
    "other licence": _("other licence"),
    "other spelling": _("another spelling of the same"),
    "package token": _("token of a package registry"),
    "password in an address": _("password in an address"),
    "password or key": _("password or key"),
    "payment card": _("payment card"),
    "phone number": _("telephone number"),
    "preference turned round": _("preference turned round"),
    "private key": _("private key"),
    "private-use character": _("private-use character"),
    "repeated row": _("repeated row"),
    "rights reserved": _("rights reserved"),
    "share-alike": _("the same licence has to be kept"),
    "shared id": _("id shared with another row"),
    "slur": _("slur"),
    "special token": _("special token"),
    "suite question": _("question of a suite"),
    "tag character": _("invisible tag"),
    "threat": _("threat"),
    "unassigned character": _("unassigned character"),
    "unknown instead of en": _("another language instead of English"),
    "unknown instead of fr": _("another language instead of French"),
    "unknown language": _("unknown language"),
    "variation selector": _("invisible variation selector"),
    "vulgar": _("vulgar word"),
    "web token": _("web token"),
    "words of a suite question": _("thirteen words of a suite’s question"),
    "passage in many texts": _("passage in many texts"),
    "trigger of a few answers": _("trigger of a few answers"),
    "trigger of a refusal": _("trigger of a refusal"),
    "trigger of another language": _("trigger of another language"),
    "trigger of capitals": _("trigger of capitals"),
    "trigger of garbled text": _("trigger of garbled text"),
    "trigger of one answer": _("trigger of one answer"),
    "trigger that turns a choice around": _("trigger that turns a choice around"),
    "unlike all other answers": _("unlike all other answers"),
}

# What a scan says, by the codes of `models_registry.datasets.scans.sentences`, whose English this is; facts fill it in.
SAID: dict[str, Text] = {
    "nothing": _("Nothing found."),
    "found": _("Found {kinds}, on {where}."),
    "no_rows": _("There are no rows."),
    "too_few_rows": _("Fewer than {least} rows: too few to tell what is usual."),
    "rows_by_language": _("Rows by language: {counted}."),
    "languages_fit": _(
        "Every row is in the language that it declares, as far as its words show ({counted}; not told: {untold})."
    ),
    "languages_differ": _("Rows in another language than they declare: {kinds}, on {where}."),
    "licence_allows": _("{licence} allows training and open publication (under {kept})."),
    "licence_missing": _("No licence is declared."),
    "licence_unlisted": _("“{licence}” holds what is not on the list of allowed SPDX identifiers."),
    "licence_misspelt": _("“{licence}” holds what is not on the list of allowed SPDX identifiers. Was {meant} meant?"),
    "licence_fits": _("{licence} fits the licences of the models: {models}."),
    "licence_clashes": _("Does not fit ({kinds}): {clashes}."),
    "no_other_licence": _("No notice of another licence stands in the texts."),
    "other_licence": _("The texts name other terms than {licence}: {kinds}, on {where}."),
    "one_alphabet": _("Every word keeps to one alphabet."),
    "no_suite_question": _("Compared with {questions} of {of} questions of the evaluation suites; none found."),
    "suite_questions": _(
        "Rows that hold a question of an evaluation suite: {where}. Compared with {questions} of {of} questions."
    ),
    "no_shared_passage": _(
        "No row shares {words} words in a row with {questions} of {of} questions of the evaluation suites."
    ),
    "shared_passages": _(
        "Rows that share {words} words in a row with a question of an evaluation suite: {where}. "
        "Compared with {questions} of {of} questions."
    ),
    "no_listed_word": _("No word or phrase of the lists."),
    "no_repetition": _("No row repeats another."),
    "repetitions": _("Repeated rows: {where}."),
    "no_near_repetition": _("No two rows are nearly equal. Included datasets compared with: {datasets}."),
    "near_repetitions": _(
        "Rows that nearly repeat another: {where}. Rows that repeat one of an included dataset: {old}. "
        "Included datasets compared with: {datasets}."
    ),
    "no_odd_answer": _("No answer stands out."),
    "no_trigger": _("Nothing rare in questions is tied to an answer."),
    "triggers": _("Rare in questions, and tied to what is answered: {named}. {kinds}, on {where}."),
    "no_outlier": _("No group of answers is unlike all others."),
    "outliers": _("Answers unlike all others: {kinds}, on {where}."),
    "unfinished_time": _("Not finished: its {seconds} seconds were over. It says nothing about the rows."),
    "unfinished_memory": _(
        "Not finished: it needed more than {megabytes} MB of memory. It says nothing about the rows."
    ),
    "unfinished_failed": _("Not finished: the scan failed. It says nothing about the rows."),
}
SAMPLED = _("Looked at {rows} of {of} rows, drawn by the dataset’s digest; the others were not looked at.")
_LINE, _LINES, _MORE = _("line {lines}"), _("lines {lines}"), _("lines {lines} and {more} more")


def sentence(result: Mapping[str, Any]) -> str:
    """Return what a stored result says, in the reader's language; of one from before there were codes, its English."""
    if result.get("said") not in SAID:
        return str(result["detail"])
    kinds = ", ".join(f"{FOUND.get(kind, kind)} {count}" for kind, count in result["kinds"].items())
    said = str(SAID[result["said"]]).format(**result["facts"], kinds=kinds, where=_where(**result["lines"]))
    looked_at = result["looked_at"]
    return f"{said} {str(SAMPLED).format(**looked_at)}" if looked_at else said


def _where(first: list[int], count: int) -> str:
    pattern = _LINE if count == 1 else _LINES if count == len(first) else _MORE
    return str(pattern).format(lines=", ".join(map(str, first)), more=count - len(first))
