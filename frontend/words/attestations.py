"""Words of what strangers filed about a release: what a report adds up to, and what training again came to."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word

ATTESTED: dict[str, Word] = {
    "verified": Word(
        _("Found that it holds"),
        "check-circle",
        "done",
        _("Every check that was made holds, and the signer is one whom they knew."),
    ),
    "consistent": Word(
        _("Found that it fits together"),
        "check",
        "done",
        _("Every check that was made holds; they compared nobody’s key."),
    ),
    "failed": Word(_("Found that it does not hold"), "warning", "no", _("At least one check failed.")),
}

RERUN: dict[str, Word] = {
    "same_bytes": Word(_("Trained again: the same bytes, bit for bit"), "check", "yes"),
    "within_tolerances": Word(_("Trained again on another kind of machine: within tolerances"), "check", "yes"),
    "different": Word(_("Trained again: something else came out"), "warning", "no"),
}

# How to look into a check that failed for somebody else; any other number has the sentence under 0.
LOOK_INTO: dict[int, Word] = {
    0: Word(_("Make the same check yourself, with the command on this page.")),
    8: Word(_("Their copy of the files differs. Download the release again, and make the same check yourself.")),
    11: Word(_("Ask another node of the chain: the same command with --rpc.")),
    12: Word(_("Train again on your own machine: python -m training_jobs.rerun, as the guide says.")),
}
