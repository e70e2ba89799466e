"""Long work on files beside the heartbeats: who has lost the lease stops, and who ended it with a report hears the answer."""

import threading
import time

import pytest

from training_jobs import supervisor
from training_jobs.supervisor import PlatformUnreachable, StaleLeaseError, keeping_the_lease

BEAT_SECONDS = 0.03


class Site:
    """Says what it is told to say to every heartbeat."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.beats = 0

    def heartbeat(self):
        self.beats += 1
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if said == "silent":
            raise PlatformUnreachable("nobody answers")
        return said


def after(beats, site, result="judged"):
    """Work that ends when the site has heard so many heartbeats."""

    def work():
        end = time.monotonic() + 20
        while site.beats < beats and time.monotonic() < end:
            time.sleep(0.005)
        if isinstance(result, Exception):
            raise result
        return result

    return work


def test_a_report_that_ended_the_lease_is_not_taken_for_a_lost_lease():
    site = Site("continue", "stale")

    def judged():
        after(2, site)()
        time.sleep(BEAT_SECONDS * 5)  # the answer is still under way when a heartbeat says that the lease has ended
        return "judged"

    assert keeping_the_lease(site, BEAT_SECONDS, judged) == "judged"
    assert site.beats == 2, "a lease that is gone is not asked for again"


def test_a_site_that_refuses_the_work_itself_decides_how_it_ended():
    site = Site("stale")
    with pytest.raises(ValueError, match="bad report"):
        keeping_the_lease(site, BEAT_SECONDS, after(1, site, ValueError("bad report")))


def test_work_that_does_not_end_once_the_lease_is_gone_is_left_to_itself(monkeypatch):
    monkeypatch.setattr(supervisor, "LAST_WORD_SECONDS", 0.2)
    never = threading.Event()
    try:
        with pytest.raises(StaleLeaseError):
            keeping_the_lease(Site("stale"), BEAT_SECONDS, lambda: never.wait(20))
    finally:
        never.set()


def test_a_silent_site_and_a_wish_to_stop_wait_until_the_work_is_done():
    site = Site("silent", "cancel", "pause", "continue")
    assert keeping_the_lease(site, BEAT_SECONDS, after(5, site)) == "judged"
