"""Carbon in the figures: of older logs as they said it, of others when each part was told, and never half of it."""

import pytest

from tests.simulators.compute_log import HOUR, JANUARY, ComputeLog
from training_jobs.scheduling.events import ComputeEmitted, EnergyHow, Signal
from training_jobs.transparency.world import World

FOUND = {"pue_permille": 1_500, "source": "uk", "signal": Signal.AVERAGE, "at_once_gram_seconds": None}


def emitted(part, joules, site="lake"):
    since = JANUARY + part * HOUR
    return ComputeEmitted.of(
        request="run-1", part=part, site=site, since=since, until=since + HOUR, joules=joules,
        gram_seconds=200 * HOUR, **FOUND,
    )  # fmt: skip


def world_of(log):
    world = World()
    for entry in log.entries:
        world.take("", entry.at, entry.kind, entry.data, entry.actor)
    return world


@pytest.fixture
def ended():
    """Return a log in which a request has ended with 100 joules, without a word of carbon."""
    log = ComputeLog().admit(0, "lake").ask(0, "run-1").start(HOUR, "run-1")
    return log.end(3 * HOUR, "run-1", energy=EnergyHow.METERED, grams=None)


@pytest.mark.parametrize(
    ("told", "grams"),
    [([], None), ([(1, 60)], None), ([(1, 60), (2, 40)], 1), ([(1, 60), (2, 41)], None)],
    ids=["nothing", "half", "all", "too much"],
)
def test_carbon_is_known_when_all_the_energy_was_told(ended, told, grams):
    for part, joules in told:
        ended.write(9 * HOUR, emitted(part, joules))
    world = world_of(ended)
    assert (world.asked["", "run-1"].grams, world.strays) == (grams, 0)


def test_an_older_log_is_read_as_before():
    log = ComputeLog().admit(0, "lake").ask(0, "run-1").start(HOUR, "run-1").end(3 * HOUR, "run-1", grams=5)
    assert world_of(log).asked["", "run-1"].grams == 5


def test_a_part_that_is_told_twice_and_one_of_another_site_are_strays(ended):
    ended.write(9 * HOUR, emitted(1, 100)).write(9 * HOUR, emitted(1, 1)).write(9 * HOUR, emitted(2, 1, "hill"))
    world = world_of(ended)
    assert (world.asked["", "run-1"].grams, world.strays) == (1, 2)
