"""Words of models, runs, datasets, releases and their records."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Text, Word
from models_registry import metrics, row_words
from training_jobs.failures import FAILURES, OUTCOME_CHARACTERS

RUN_STATES: dict[str, Word] = {
    "queued": Word(_("In line"), "clock", "quiet", _("Waiting for a machine.")),
    "waiting": Word(_("Waiting to retry"), "clock", "quiet", _("An attempt failed; the next one starts by itself.")),
    "running": Word(_("Training"), "wave", "live", _("A machine is training the model now.")),
    "awaiting": Word(
        _("Waits for hidden suites"),
        "hourglass",
        "live",
        _("The model is fixed; the keepers of the suites that nobody has seen have to open them now."),
    ),
    "stalled": Word(_("Stalled"), "warning", "warn", _("The machine went silent; another one will take over.")),
    "evaluating": Word(_("Being measured"), "scale", "live", _("Training is done; the result is being measured.")),
    "reviewing": Word(
        _("Waits for reviewers"), "people", "live", _("It was measured; members are asked to look before it is judged.")
    ),
    "accepted": Word(_("Accepted"), "check-circle", "done", _("The result satisfies every rule in force.")),
    "rejected": Word(_("Rejected"), "cross", "no", _("The result breaks a rule; it is not published.")),
    "overridden": Word(
        _("Overridden"), "warning", "warn", _("The result breaks a rule; a vote publishes it all the same, marked.")
    ),
    "failed": Word(_("Failed"), "warning", "no", _("Training could not be completed.")),
    "pausing": Word(_("Being paused"), "hourglass", "warn", _("A guardian paused it; the machine saves its work.")),
    "paused": Word(_("Paused"), "pause", "warn", _("A guardian paused it; it goes on from its checkpoint by itself.")),
    "overdue": Word(_("Overdue"), "warning", "warn", _("Its deadline has passed; it is about to be ended.")),
    "stopping": Word(_("Stopping"), "hourglass", "quiet", _("It was canceled; the machine is being told.")),
    "canceled": Word(_("Canceled"), "minus", "quiet", _("It was canceled before it ended.")),
}

PREVIEW_STATES: dict[str, Word] = {
    "queued": Word(_("In line"), "clock", "quiet", _("Waiting for a machine; runs that were voted for come first.")),
    "running": Word(_("At work"), "wave", "live", _("A machine is making the preview now.")),
    "stalled": Word(_("Stalled"), "warning", "warn", _("The machine went silent; another one will begin again.")),
    "done": Word(_("Done"), "check-circle", "done", _("It was made and measured.")),
    "failed": Word(_("Failed"), "warning", "no", _("The preview could not be completed.")),
}

TRIAL_STATES: dict[str, Word] = {
    **PREVIEW_STATES,
    "running": Word(_("At work"), "wave", "live", _("A machine is trying the dataset now.")),
    "done": Word(_("Done"), "check-circle", "done", _("The dataset was tried, and both models were measured.")),
    "failed": Word(_("Failed"), "warning", "no", _("The trial could not be completed.")),
}

INQUIRY_STATES: dict[str, Word] = {
    "queued": Word(_("In line"), "clock", "quiet", _("Waiting for a machine; runs that were voted for come first.")),
    "running": Word(_("At work"), "wave", "live", _("A machine is at it now.")),
    "stalled": Word(_("Stalled"), "warning", "warn", _("The machine went silent; another one will begin again.")),
    "done": Word(_("Done"), "check-circle", "done", _("It was done.")),
    "failed": Word(_("Failed"), "warning", "no", _("It could not be completed.")),
}

RECORD_KINDS: dict[str, Word] = {
    "release": Word(_("Release"), "drop", says=_("The published model, signed with the community's key.")),
    "keys": Word(_("Keys for releases"), "shield", says=_("Who signs releases, and which keys are revoked.")),
    "evaluation": Word(_("Evaluation"), "scale", says=_("What was measured, and the verdict under the rules.")),
    "run": Word(_("Training run"), "wave", says=_("What the machine did, with the digest of every file it made.")),
    "spec": Word(_("Specification"), "list", says=_("Everything that determines the training, as it was approved.")),
    "dataset": Word(_("Dataset"), "layers", says=_("The data by its digest, with what the scans found.")),
    "removal": Word(_("Removal of data"), "minus", says=_("What was taken out of a dataset, and what must follow.")),
    "taking_back": Word(
        _("Rule on taking data back"), "scale", says=_("Whether contributors take back their own rows without a vote.")
    ),
    "rule": Word(_("Ethics rule"), "shield", says=_("A bound that every result has to keep.")),
    "commitment": Word(_("Commitment"), "shield", says=_("A suite that nobody has seen, bound by a digest.")),
    "opening": Word(_("Opening"), "check", says=_("The rows of a hidden suite, shown once the model was fixed.")),
    "override": Word(_("Override"), "warning", says=_("A vote that released the model although it breaks rules.")),
    "execution": Word(_("Execution"), "arrow", says=_("The decision took effect after its waiting time.")),
    "decision": Word(_("Decision"), "check-circle", says=_("Passed or not, with the numbers of each condition.")),
    "tally": Word(_("Count"), "scale", says=_("The totals, and the root of the tree over all counted ballots.")),
    "proposal": Word(_("Proposal"), "pencil", says=_("The text, the payload and the rules, frozen before the vote.")),
    "community": Word(_("Community"), "people", says=_("Who they are: token, chain and release key.")),
    "ballots": Word(_("Ballots"), "drop", says=_("All counted votes of one decision.")),
    "ballot": Word(_("Ballot"), "drop", says=_("A vote signed by a member's wallet.")),
    "charter": Word(_("Charter"), "shield", says=_("The rules by which the community decides.")),
    "census": Word(_("Census"), "people", says=_("Who could vote with how much, and the root of the tree over it.")),
    "delegation": Word(_("Delegation"), "people", says=_("Power lent to somebody else, signed by its holder.")),
    "council": Word(_("Council"), "shield", says=_("The guardians who were elected, and how long they serve.")),
}

TARGETS: dict[str, Word] = {
    "hub": Word(_("Our own hub")),
    "huggingface": Word(_("Hugging Face Hub")),
    "folder": Word(_("A folder of the operator")),
    "s3": Word(_("A bucket (S3)")),
}

METRICS: dict[str, Word] = {
    name: Word(metric.label, says=metric.description) for name, metric in metrics.METRICS.items()
}


def by_classifier(name: str) -> Word | None:
    """Return how a metric is shown whose name states a classifier, which no table can hold; None for any other."""
    metric = metrics.find(name)
    return Word(metric.label, says=metric.description) if metric is not None else None


RUN_EVENTS: dict[str, Word] = {
    "claimed": Word(_("A machine took the run")),
    "started": Word(_("Training started")),
    "step": Word(_("Step")),
    "checkpoint": Word(_("Checkpoint saved")),
    "finished": Word(_("Training finished")),
    "trained": Word(_("Result handed over")),
    "failed": Word(_("Failed")),
    "evaluating": Word(_("Measuring the result")),
    "evaluated": Word(_("Result measured")),
    "measured": Word(_("Measured a metric")),
    "not_measured": Word(_("A metric could not be measured")),
    "reviewing": Word(_("Members are asked to look at the result")),
    "judged": Word(_("Judged by the rules")),
    "stopped": Word(_("Stopped")),
    "resumed": Word(_("Went on from a checkpoint")),
    "checkpoint_passed_over": Word(_("A checkpoint did not verify and was left out")),
    "took_part": Word(_("Took part to the end")),
    "agrees": Word(_("Made the same model as the lead")),
    "differs": Word(_("Made another model than the lead")),
}

OUTCOMES: dict[str, Word] = {
    "": Word(_("at work"), "wave", "live"),
    "finished": Word(_("finished"), "check", "yes"),
    "lost": Word(_("went silent"), "warning", "warn"),
    "canceled": Word(_("canceled"), "minus", "quiet"),
    "paused": Word(_("paused"), "pause", "quiet"),
    "released": Word(_("given back"), "minus", "quiet"),
    "interrupted": Word(_("interrupted, to go on later"), "minus", "quiet"),
    "run_over": Word(_("the run ended"), "minus", "quiet"),
}
OUTCOMES |= {
    code[:OUTCOME_CHARACTERS]: Word(failure.name, "warning", "no", failure.says)
    for code, failure in FAILURES.items()
    if code not in OUTCOMES
}

PLACE_STATES: dict[str, Word] = {
    "open": Word(_("free"), "clock", "quiet"),
    "working": Word(_("at work"), "wave", "live"),
    "silent": Word(_("went silent"), "warning", "warn"),
    "done": Word(_("done"), "check", "yes"),
    "over": Word(_("the run ended"), "minus", "quiet"),
}

CHECKS: dict[str, Word] = {
    "passed": Word(_("Holds"), "check", "yes"),
    "failed": Word(_("Does not hold"), "cross", "no"),
    "not_checked": Word(_("Not checked"), "minus", "quiet"),
}

# The twelve checks of a release, by number; what each found is shown as the verifier wrote it.
FINDINGS: dict[int, Text] = {
    1: _("Records are canonical, complete and in order"),
    2: _("Every record rests on what it must"),
    3: _("Ballots are signed by their voters"),
    4: _("The counts come out the same"),
    5: _("Decisions follow from the counts and the rules"),
    6: _("Delays and waiting times were respected"),
    7: _("Specification, datasets and rules are the approved ones"),
    8: _("The files are those of the run"),
    9: _("The verdict follows from the rules and the measurements"),
    10: _("The release is signed with the community's key"),
    11: _("Voting power matches the chain"),
    12: _("Training again gives the same bytes"),
}

MEASURED: dict[str, Word] = {"parent": Word(_("version before")), "candidate": Word(_("this result"))}
MEASURED["classifier"] = Word(_("a classifier reads the answers"))

LANGUAGES: dict[str, Word] = {"en": Word(_("English")), "fr": Word(_("French"))}

ROLES: dict[str, Word] = {"training": Word(_("for training")), "evaluation": Word(_("for measuring"))}

ROWS: dict[str, Word] = {kind: Word(said) for kind, said in row_words.KINDS.items()}
