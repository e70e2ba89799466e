"""Words of a replay: which figures of a simulated history are shown, which direction is better, what is left out."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from frontend.words.base import Text, Word


class Better(StrEnum):
    """Which direction of a figure is an improvement."""

    LESS = "less"
    MORE = "more"
    NEITHER = "neither"


@dataclass(frozen=True)
class ReplayFigure:
    """How a figure is shown: its name in words, its unit, and which direction is better."""

    label: Text
    unit: str
    better: Better


REPLAY_FIGURES: dict[str, ReplayFigure] = {
    "waits.newcomers.p50": ReplayFigure(_("Newcomers: half wait at most"), "seconds", Better.LESS),
    "waits.newcomers.p90": ReplayFigure(_("Newcomers: 90 of 100 wait at most"), "seconds", Better.LESS),
    "waits.others.p50": ReplayFigure(_("Others: half wait at most"), "seconds", Better.LESS),
    "waits.others.p90": ReplayFigure(_("Others: 90 of 100 wait at most"), "seconds", Better.LESS),
    "waits.voted.p90": ReplayFigure(_("Runs that a vote approved: 90 of 100 wait at most"), "seconds", Better.LESS),
    "waits.sandbox.p90": ReplayFigure(_("Members’ own quota: 90 of 100 wait at most"), "seconds", Better.LESS),
    "utilisation_bps": ReplayFigure(_("Open devices in use"), "bps", Better.MORE),
    "newcomers_bps": ReplayFigure(_("Share of the work that was done for newcomers"), "bps", Better.NEITHER),
    "reserve_kept_bps": ReplayFigure(_("Reserve that newcomers found at hand"), "bps", Better.MORE),
    "fairness_bps": ReplayFigure(_("Jain’s index of fairness between communities"), "bps", Better.MORE),
    "fates.done": ReplayFigure(_("Requests done"), "count", Better.MORE),
    "fates.stopped": ReplayFigure(_("Requests stopped before their end"), "count", Better.LESS),
    "recalls_kept": ReplayFigure(_("Work interrupted for a newcomer"), "count", Better.NEITHER),
    "lost": ReplayFigure(_("Device-hours lost with silent sites"), "device-seconds", Better.LESS),
    "carbon_grams": ReplayFigure(_("Grams of CO2e"), "count", Better.LESS),
    "spent": ReplayFigure(_("Cost, in minor units of money"), "micro-units", Better.LESS),
}
REPLAY_VERDICTS: dict[str, Word] = {
    "better": Word(_("better"), "check", "yes"),
    "worse": Word(_("worse"), "warning", "warn"),
    "same": Word(_("the same"), "dot"),
    "more": Word(_("more than before"), "plus"),
    "less": Word(_("less than before"), "minus"),
}
REPLAY_FAILURES: dict[str, Word] = {
    "attempts_used_up": Word(_("Every attempt was lost with its worker.")),
    "history_too_large": Word(_("More happened than can be simulated here.")),
    "site_unknown": Word(_("The history names a site that is not known any more.")),
}
# What a history cannot hold, with how much of it there is.
LEFT_OUT: dict[str, Text] = {
    "before": ngettext_lazy(
        "%(n)d request that was under way when the time began",
        "%(n)d requests that were under way when the time began",
        "n",
    ),
    "too_many": ngettext_lazy("%(n)d older request", "%(n)d older requests", "n"),
    "elsewhere": ngettext_lazy(
        "%(n)d request that machines of other communities took",
        "%(n)d requests that machines of other communities took",
        "n",
    ),
    "never_began": ngettext_lazy(
        "%(n)d request that was taken back before it began",
        "%(n)d requests that were taken back before they began",
        "n",
    ),
    "grids": ngettext_lazy(
        "the carbon of %(n)d grid of which not all hours are known",
        "the carbon of %(n)d grids of which not all hours are known",
        "n",
    ),
}
