"""What a failed run or attempt means to people: a name, one sentence, and one thing to do, for each stable code.

The codes come from the trainer's own failures, from `training_jobs.endings`, and from the services. One that is not in
the table is shown as it is, with what the machine said.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

OUTCOME_CHARACTERS = 20  # so many of a code stand in an attempt's outcome


@dataclass(frozen=True)
class Failure:
    """How a code is told: name, what happened, what to do."""

    name: str | Promise
    says: str | Promise
    suggestion: str | Promise


_OPERATOR = _("Ask the operator of the site to look at the machine; the run's log says where.")
_FORGED = _("Do not propose it again before somebody knows what changed. The records of the run name the digests.")
_SECRETS = _("Ask the operator of the site: the relay and the site need the same secret, and clocks that agree.")
_INPUT = _("Register the data or the model anew, and propose the training with the new digest.")

FAILURES: dict[str, Failure] = {
    # the machine
    "out_of_memory": Failure(
        _("Out of memory"),
        _("The training needed more memory than the machine gives it."),
        _("Propose a smaller batch with more accumulation, or let a machine with more memory take the run."),
    ),
    "disk_full": Failure(
        _("Disk full"),
        _("The machine had no room left for the training's files."),
        _("Free space where runs are kept; the run goes on from its last checkpoint."),
    ),
    "scratch_full": Failure(
        _("Too many files"),
        _("The training wrote more than a run may keep on this machine."),
        _("Ask the operator to raise the quota of runs, or propose a smaller model or fewer checkpoints."),
    ),
    "storage_failed": Failure(_("Storage failed"), _("A file could not be read or written."), _OPERATOR),
    "lost": Failure(
        _("Went silent"),
        _("The machine gave no sign of life until its lease ran out."),
        _("Nothing has to be done: another machine goes on from the last checkpoint."),
    ),
    "lost_contact": Failure(
        _("No contact"),
        _("The machine could not reach the site, and ended its training before another one could take over."),
        _("Nothing has to be done: the run goes on from its last checkpoint."),
    ),
    "no_progress": Failure(
        _("No progress"),
        _("The training hung: it said nothing for longer than any step should take. Slow steps are not the reason."),
        _("If it happens again, propose smaller batches, or ask the operator to allow more time between steps."),
    ),
    "killed": Failure(_("Killed"), _("The training was ended from outside, and not by the site."), _OPERATOR),
    "failed": Failure(_("Broke off"), _("The training ended with an error that has no name yet."), _OPERATOR),
    "attempts_used_up": Failure(
        _("No attempts left"),
        _("Every machine that took the run went silent before it was done."),
        _("Ask the operator why machines die of it; then propose it again, smaller if need be."),
    ),
    # the learning
    "loss_not_finite": Failure(
        _("The numbers broke"),
        _("The loss was no number any more: the steps were too large."),
        _("Propose a lower learning rate, or a gradient clip of 1."),
    ),
    "loss_spike": Failure(
        _("The loss jumped"),
        _("The loss rose far above what it was, and stayed there: the training came apart."),
        _("Propose a lower learning rate, a longer warm-up, or a gradient clip of 1."),
    ),
    "weights_not_finite": Failure(
        _("Broken weights"),
        _("The model that came out has weights that are no numbers."),
        _("Propose a lower learning rate, or a gradient clip of 1."),
    ),
    "nothing_to_learn": Failure(
        _("Nothing to learn"),
        _("No dataset has a row in the chosen languages."),
        _("Propose other languages or other datasets."),
    ),
    "record_too_long": Failure(
        _("A row is too long"),
        _("A row of the data does not fit into the sequence length."),
        _("Propose a longer sequence length, or data with shorter rows."),
    ),
    # what was approved
    "budget_used_up": Failure(
        _("Budget used up"),
        _("The approved device-seconds were used up before the training was done."),
        _("Propose the same with a larger budget: it starts anew, and the vote decides whether it is worth it."),
    ),
    "deadline_passed": Failure(
        _("Deadline passed"),
        _("The time that was approved for the run was over before it was done."),
        _("Propose it again with more time, or with less work."),
    ),
    "evaluation_too_long": Failure(
        _("Measuring took too long"),
        _("The trained model could not be measured within the approved time."),
        _("Propose a smaller evaluation suite or a larger budget."),
    ),
    "packing_not_supported": Failure(
        _("Packing not possible"),
        _("This model cannot be trained on packed sequences."),
        _("Propose the same without packing."),
    ),
    "pipeline_not_supported": Failure(
        _("No pipeline possible"),
        _("This model cannot be cut into as many stages as there are devices."),
        _("Propose fewer devices, or the strategy FSDP."),
    ),
    "lora_not_applicable": Failure(
        _("LoRA not possible"),
        _("This model has no layer that a LoRA adapter fits."),
        _("Propose full fine-tuning."),
    ),
    "code_changed": Failure(
        _("Other code"),
        _("The machine has another version of the trainer than the one that was voted on."),
        _("Let a machine with that version take the run, or propose the present one."),
    ),
    "environment_changed": Failure(
        _("Other environment"),
        _("The machine has other versions of the libraries than those that were voted on."),
        _("Let a machine with those versions take the run, or propose the present ones."),
    ),
    "exchange_silent": Failure(
        _("The others are silent"),
        _("The machines that train together have not heard of each other for too long."),
        _("Check that enough of them are at work; the run goes on from its last checkpoint."),
    ),
    "ticket_expired": Failure(
        _("Ticket ended"),
        _("The machine’s ticket to the relay, where the machines of the run meet, was no longer valid."),
        _("Nothing has to be done: the next attempt gets a new ticket and goes on from the last checkpoint."),
    ),
    "ticket_forged": Failure(_("Ticket not accepted"), _("The relay did not accept the site’s ticket."), _SECRETS),
    "ticket_malformed": Failure(_("Ticket not accepted"), _("The relay did not accept the site’s ticket."), _SECRETS),
    "relay_refused": Failure(
        _("Refused by the relay"), _("The relay, where the machines of the run meet, did not take the work."), _OPERATOR
    ),
    "round_incomplete": Failure(
        _("Damaged on the disk"),
        _("What another machine had sent was damaged on this machine’s disk."),
        _("If it happens again on the same machine, look at its disk; the next attempt fetches it anew."),
    ),
    "round_unreadable": Failure(
        _("Unreadable round"), _("What the relay says of a round of the training cannot be read."), _OPERATOR
    ),
    "diverged": Failure(
        _("Computed something else"),
        _("This machine came to other weights than the others from the same files."),
        _("Let machines of one kind take part: another kind of processor rounds differently."),
    ),
    "no_loopback": Failure(
        _("The devices cannot meet"),
        _("The trainings on this machine’s devices could not reach each other inside their box."),
        _("Install bubblewrap on the machine, or let another one take the run."),
    ),
    # shared computing
    "no_site_fits": Failure(
        _("No site could do it"),
        _(
            "For as long as anybody may wait here, no site had the devices, the memory, the hours and the rules on "
            "data that it needs."
        ),
        _("Propose fewer devices or a smaller model, or let a site in that could do it."),
    ),
    "too_dear": Failure(
        _("Too dear everywhere"),
        _("For as long as anybody may wait here, every site that could do it cost more than its ceiling allowed."),
        _("Propose it again with a higher ceiling, or with less work."),
    ),
    "reserved": Failure(
        _("Only in the reserve"),
        _(
            "For as long as anybody may wait here, it needed devices that are kept for newcomers, and could not borrow "
            "them."
        ),
        _("Propose fewer devices, or a smaller reserve in how computing is shared."),
    ),
    # previews
    "preview_too_long": Failure(
        _("Too long for a preview"),
        _("The preview was ended: it took longer than previews may take on this site."),
        _("Propose smaller batches or a smaller model, or ask the operator to give previews more time."),
    ),
    "inquiry_too_long": Failure(
        _("Too long for a look"),
        _("The version was not measured or asked to the end: it took longer than this site gives it."),
        _("Ask the operator to allow more time, or name smaller suites in rules."),
    ),
    "release_withdrawn": Failure(
        _("Withdrawn meanwhile"),
        _("The release was withdrawn before it was measured or asked."),
        _("Nothing has to be done: nobody is handed it any more."),
    ),
    "question_not_answered": Failure(
        _("Cannot be asked"),
        _("The version could not be asked this question: it may be too long for it, or the model does not load."),
        _("Ask it by hand, or look at what the machine said."),
    ),
    "preview_too_late": Failure(
        _("Too late for a preview"),
        _("The vote was over, or the proposal was withdrawn, before the preview was done."),
        _("Nothing has to be done: previews are for the time before a decision."),
    ),
    "trial_too_long": Failure(
        _("Too long for a trial"),
        _("The trial was ended: it took longer than trials may take on this site."),
        _("Ask the operator to give trials more time or fewer steps, or try a smaller dataset."),
    ),
    "trial_too_late": Failure(
        _("Too late for a trial"),
        _("The vote was over, or the proposal was withdrawn, before the trial was done."),
        _("Nothing has to be done: trials are for the time before a decision."),
    ),
    # what was handed over
    "payload_changed": Failure(_("Other bytes"), _("What the machine was given is not what was voted on."), _FORGED),
    "manifest_mismatch": Failure(
        _("Other files"), _("The files of the result are not those that the machine described."), _FORGED
    ),
    "suite_changed": Failure(
        _("Other questions"), _("The result was measured on other questions than the approved ones."), _FORGED
    ),
    "malformed_result": Failure(_("Unreadable result"), _("What the machine handed over cannot be read."), _OPERATOR),
    "input_missing": Failure(_("An input is missing"), _("A file that was voted on is not there."), _INPUT),
    "input_unreadable": Failure(_("Unreadable input"), _("A file that was voted on cannot be read."), _INPUT),
    "tokenizer_without_format": Failure(
        _("No turns"),
        _("The tokenizer of the base cannot write the approved format of the turns."),
        _("Propose another format of the turns, or start from another base; the run's log names the missing marks."),
    ),
    "config_forbidden_key": Failure(
        _("Code in the model"), _("The model's configuration asks to load code, which is refused."), _INPUT
    ),
}
_BY_OUTCOME = {code[:OUTCOME_CHARACTERS]: failure for code, failure in FAILURES.items()}


def failure(code: str) -> Failure | None:
    """Return what a code means, in full or as far as an outcome keeps it; None for one that has no words."""
    return FAILURES.get(code) or _BY_OUTCOME.get(code)
