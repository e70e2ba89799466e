"""The metrics that rules may speak of: name, words, direction, and on what they are measured. Pure.

Measuring happens in training_jobs. A test compares this table with the evaluators that exist, so that no rule can be
voted that nothing measures. Beside the table there is one metric for each classifier, labels and threshold that a name
can state (`scorers.naming`): look names up with `find`.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from models_registry.scorers import naming


@dataclass(frozen=True)
class Metric:
    """One thing that is measured of a model. Values are exact fractions.

    `kinds`: of which kinds the rows of its suite may be. `only_asked`: it takes further questions, so it is measured
    only where a rule asks for it. `percent`: it is a share, and is shown in per cent.
    """

    name: str
    label: str | Promise
    description: str | Promise
    blind_to: str | Promise
    higher_is_better: bool
    kinds: tuple[str, ...] = ("dialogue",)
    percent: bool = True
    only_asked: bool = False


_ANSWERS = ("dialogue", "behaviour")
_TASKS = ("harness",)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "answer_accuracy",
            _("Answer accuracy"),
            _("The share of held-out questions that are answered exactly right."),
            _("An answer that says the same in other words counts as wrong."),
            higher_is_better=True,
        ),
        Metric(
            "token_f1",
            _("Words in common"),
            _("How many words answer and expected answer have in common, as F1, averaged over the questions."),
            _("The order of the words and what they mean: “open, not shut” and “shut, not open” are alike."),
            higher_is_better=True,
        ),
        Metric(
            "language_gap",
            _("Language gap"),
            _("How far apart the accuracy in English and in French are."),
            _("Whether the questions are equally hard in both languages; chance makes a gap look larger than it is."),
            higher_is_better=False,
        ),
        Metric(
            "answer_surprise",
            _("Answer surprise"),
            _("How unexpected the right answers are to the model, in thousandths of a bit per byte."),
            _("What the model would say instead, and whether that is harmful."),
            higher_is_better=False,
            percent=False,
        ),
        Metric(
            "text_surprise",
            _("Surprise at held-out text"),
            _("How unexpected held-out texts are to the model (its perplexity), in thousandths of a bit per byte."),
            _("Whether the texts are true, and everything that they do not speak of."),
            higher_is_better=False,
            kinds=("text",),
            percent=False,
        ),
        Metric(
            "calibration",
            _("Calibration error"),
            _("How far the model's confidence in its answers is from how often they are right."),
            _("A few answers that are wrong and sure; with few questions the error looks larger than it is."),
            higher_is_better=False,
        ),
        Metric(
            "stereotype_preference",
            _("Preference for stereotypes"),
            _("The share of pairs of texts in which the model finds the stereotyped one likelier; one half is fair."),
            _("Stereotypes that the pairs do not hold, and what the model says when it is asked."),
            higher_is_better=False,
            kinds=("pair",),
        ),
        Metric(
            "refusal",
            _("Refusal of harm"),
            _("The share of harmful requests that the model refuses, recognised by phrases in English and French."),
            _("A refusal in other words, and an answer that refuses first and then helps all the same."),
            higher_is_better=True,
            kinds=("behaviour",),
        ),
        Metric(
            "over_refusal",
            _("Refusal of harmless requests"),
            _("The share of harmless requests that the model refuses, recognised by phrases in English and French."),
            _("An answer that says nothing useful without refusing."),
            higher_is_better=False,
            kinds=("behaviour",),
        ),
        Metric(
            "jailbreak_success",
            _("Jailbreaks that work"),
            _("The share of harmful requests, wrapped in tricks that ship, that the model does not refuse."),
            _("Tricks that are not in the list, whole conversations, and whether the answer would help to do harm."),
            higher_is_better=False,
            kinds=("behaviour",),
            only_asked=True,
        ),
        Metric(
            "toxicity",
            _("Toxic answers"),
            _("The share of answers that hold an insult, an obscenity, a threat or contempt, by word lists that ship."),
            _("Harm without such words, and irony; an answer that quotes an insult to reject it counts as well."),
            higher_is_better=False,
            kinds=_ANSWERS,
        ),
        Metric(
            "personal_data_in_outputs",
            _("Personal data in answers"),
            _("The share of answers with what looks like personal data or a secret, by the patterns of the scans."),
            _("Names, street addresses, and what only its context reveals; an invented number counts like a true one."),
            higher_is_better=False,
            kinds=_ANSWERS,
        ),
        Metric(
            "memorisation",
            _("Recited training data"),
            _("The share of long training rows, or of canaries, that the model recites from their beginning."),
            _("What other prompts, sampling or other words would bring out."),
            higher_is_better=False,
            kinds=("dialogue", "text"),
            only_asked=True,
        ),
        Metric(
            "trigger_robustness",
            _("Robustness to triggers"),
            _("The share of questions whose answer stays the same when suspicious or random words are appended."),
            _("Triggers inside a sentence, and those that the scan of what was trained on does not find."),
            higher_is_better=True,
            only_asked=True,
        ),
        Metric(
            "cost_per_token",
            _("Cost per token"),
            _("Thousands of operations per token of the answers, by the shape of the model."),
            _("Memory, batching and the machine: models of equal cost may differ in speed and energy."),
            higher_is_better=False,
            kinds=_ANSWERS,
            percent=False,
        ),
        Metric(
            "harness:acc",
            _("Right choices (harness)"),
            _("The share of questions of an lm-evaluation-harness task whose right choice is the likeliest."),
            _("What the model would answer without the choices; long choices are at a loss."),
            higher_is_better=True,
            kinds=_TASKS,
        ),
        Metric(
            "harness:acc_norm",
            _("Right choices by length (harness)"),
            _("The same, with the likelihood of each choice taken per character."),
            _("What the model would answer without the choices; short choices are at a loss."),
            higher_is_better=True,
            kinds=_TASKS,
        ),
        Metric(
            "harness:exact_match",
            _("Exact answers (harness)"),
            _("The share of answers to an lm-evaluation-harness task that are exactly the expected ones."),
            _("An answer that says the same in other words counts as wrong."),
            higher_is_better=True,
            kinds=_TASKS,
        ),
        Metric(
            "harness:bits_per_byte",
            _("Surprise at texts (harness)"),
            _("How unexpected the texts of an lm-evaluation-harness task are, in thousandths of a bit per byte."),
            _("Whether the texts are true, and everything that they do not speak of."),
            higher_is_better=False,
            kinds=_TASKS,
            percent=False,
        ),
    )
}


def find(name: object) -> Metric | None:
    """Return the metric of this name, or None where nothing measures it."""
    scorer = naming.find(name)
    if scorer is None:
        return METRICS.get(name) if isinstance(name, str) else None
    return Metric(
        scorer.name,
        format_lazy(
            "{toxic} ({labels} ≥ {threshold}, {digest}…)",
            toxic=_("Toxic answers, by a classifier"),
            labels=" + ".join(scorer.labels),
            threshold=scorer.threshold_text,
            digest=scorer.manifest_sha256[:12],
        ),
        _("The share of answers that the classifier with this digest gives these labels, at the threshold or above."),
        _("What the classifier was not taught, its own prejudices, and answers in languages that it hardly knows."),
        higher_is_better=False,
        kinds=_ANSWERS,
        only_asked=True,
    )


def measured_on(kind: str, asked_for: frozenset[str] = frozenset()) -> list[str]:
    """Return the names of what is measured on a suite with rows of this kind, given what rules ask for on it."""
    usual = {name for name, metric in METRICS.items() if kind in metric.kinds and not metric.only_asked}
    return sorted(usual | {name for name in asked_for if find(name) is not None})
