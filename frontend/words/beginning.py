"""When a training that is only proposed could begin, and how much memory it needs, in a sentence or two."""

from datetime import datetime

from django.utils.translation import gettext as _

from frontend import numbers
from frontend.words import waiting
from governance.models import Community
from training_jobs.commons import timetable
from training_jobs.commons.beginning import Beginning


def begins(found: Beginning | None, community: Community, now: datetime) -> str:
    """Return the sentence, and how much memory it needs where that is known; nothing where no sites are shared."""
    if found is None:
        return ""
    sentence = _begins(found, community, now)
    if not found.memory_bytes:
        return sentence
    memory = _("It needs about %(memory)s of memory on each device.") % {"memory": numbers.size(found.memory_bytes)}
    return f"{sentence} {memory}"


def _begins(found: Beginning, community: Community, now: datetime) -> str:
    if found.slot is None:
        return _("No site that computes here could ever do this, as they are today.")
    name, _currency = timetable.sites_named(community).get(found.slot.site, (found.slot.site, ""))
    if found.slot.since <= int(now.timestamp()) + waiting.MINUTE:
        return _("Approved today, it could begin at once, at %(site)s.") % {"site": name}
    since = waiting.clock_time(found.slot.since, now)
    return _("Approved today, it could begin at %(site)s from %(since)s.") % {"site": name, "since": since}
