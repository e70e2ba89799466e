"""Which sites may not have the data of a model update, and why, in words for its page, its draft and its check."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from governance.models import Proposal
from models_registry.data_words import data_kind_names
from training_jobs.commons import data_rules
from training_jobs.commons.data_bounds import LEAVES
from training_jobs.commons.data_rules import SiteBarred


@dataclass(frozen=True)
class Shown:
    """One sentence for each site that may not have the data; `none_may`: the community has no other."""

    lines: tuple[str, ...]
    none_may: bool


def shown(proposal: Proposal) -> Shown | None:
    """Return what is told of the data of a proposal or draft; None where no site of its community is barred."""
    told = data_rules.told_of(proposal)
    return None if told is None else Shown(tuple(_line(each) for each in told.barred), told.none_may)


def _line(each: SiteBarred) -> str:
    said = {"site": each.site.name, "kinds": data_kind_names(each.why.kinds)}
    if each.why.rule == LEAVES:
        said |= {"country": each.why.country, "by": each.by.name}
        text = _("Not %(site)s: rows are kept in %(country)s, and %(by)s lets none of these kinds out: %(kinds)s.")
        return text % said
    return _("Not %(site)s: it lets no data of these kinds in: %(kinds)s.") % said
