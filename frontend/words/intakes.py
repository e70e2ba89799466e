"""Words of datasets on their way in: what an intake is doing, and why a file was refused."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Text, Word

INTAKE_STATES: dict[str, Word] = {
    "planned": Word(_("In line"), "hourglass", says=_("A worker reads it as soon as one is free.")),
    "reading": Word(_("Being read"), "wave", "live", _("It is fetched, read and scanned at this moment.")),
    "waiting": Word(
        _("Waits for the next attempt"),
        "clock",
        "warn",
        _("The last attempt did not work; it is tried again by itself."),
    ),
    "refused": Word(_("Refused"), "cross", "no", _("Nothing of it was kept.")),
    "done": Word(_("Taken in"), "check", "yes", _("It is read, hashed and scanned. Only a vote includes it.")),
}

# Why a file or its source was refused. Where in the file, and what was found there, stands beside it.
INTAKE_REFUSALS: dict[str, Text] = {
    "format_not_allowed": _("This is not a format that is read here. Archives, pickles and programs are never opened."),
    "path_forbidden": _("A file needs a plain name, without folders and without a dot at the start."),
    "not_utf8": _("The text is not UTF-8."),
    "malformed_row": _("A row cannot be read as one. Nothing was taken in."),
    "mixed_rows": _("All rows of a dataset are of one kind; this one is of another than the first."),
    "record_too_large": _("A row is longer than is read here."),
    "decoded_too_large": _("The file is larger than is read here, or unpacks to more."),
    "columns_invalid": _("The columns cannot be read as you said. Compare their names with those in the file."),
    "digest_mismatch": _("The content has another SHA-256 than was said. Compare the file with its source."),
    "reader_failed": _("The file made its reader fail. It is broken, or made to break programs."),
    "reader_too_slow": _("Reading and scanning took longer than is allowed here. Try a smaller file."),
    "url_forbidden": _("Only public https addresses are fetched from."),
    "host_unknown": _("The host of this address was not found."),
    "host_unreachable": _("The host of this address does not answer."),
    "certificate_invalid": _("The certificate of this address does not hold."),
    "fetch_refused": _("What lies at this address was not handed out as a file."),
    "fetch_broken": _("The connection broke before the file was there."),
    "fetch_too_slow": _("The file did not arrive in the time that is allowed."),
    "too_large": _("The file is larger than is read here, or unpacks to more."),
    "file_missing": _("The commit has no such data file."),
    "revision_not_pinned": _("Name a commit by its 40 hex digits: a branch or a tag can change after the vote."),
    "too_many_intakes": _("Some of your datasets are still coming in. Wait until they are done."),
    "quota_exceeded": _("You have sent as much as is kept for one member. Wait until it was taken in."),
    "storage_failed": _("There is no room here at the moment. Nothing was changed; please try again."),
    "reader_died": _("The worker that read it ended without an answer, more than once. Please tell the operator."),
}
