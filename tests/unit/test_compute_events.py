"""The events of the compute commons: written and read by one strict form, and nothing else is let in."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import Invalid
from governance.evidence.canonical import INTEGER_MAX, canonical_bytes
from training_jobs.scheduling import events
from training_jobs.scheduling.carbon import grams_of_energy
from training_jobs.scheduling.events import (
    ComputeEmitted,
    ComputeEnded,
    ComputeInterrupted,
    ComputeNeedsMore,
    ComputePolicyAdopted,
    ComputeRefused,
    ComputeRequested,
    ComputeStarted,
    ComputeWaits,
    EnergyHow,
    Interruption,
    Outcome,
    Requester,
    Signal,
    SiteAdmitted,
    SiteRemoved,
    SiteStanding,
    data_of,
    read,
)
from training_jobs.scheduling.values import Origin, Policy, Series, Standing, Why

NEED = {"devices": 2, "memory_bytes": 2**34, "seconds": 3_600, "ceiling": 10**9, "slack": 7_200}
USED = {"device_seconds": 7_200, "grams": 120, "cost": 5_000}
SINCE = 1_800_000_000
EMITTED = {
    "since": SINCE,
    "until": SINCE + 7_200,
    "joules": 7_200_001,
    "pue_permille": 1_500,
    "gram_seconds": 600 * 3_600,
    "at_once_gram_seconds": 400 * 3_600,
}
ALL = [
    ComputeRequested(request="run-7", origin=Origin.VOTED, requester=Requester.MEMBER, proposal=12, **NEED),
    ComputeRequested(request="x", origin=Origin.SANDBOX, requester=Requester.NEWCOMER, proposal=None, **NEED),
    ComputeStarted(request="run-7", site="lake", why=Why.STARTS_OVERDUE, waited=60, price=90_000, until=1_800_000_000),
    ComputeInterrupted(request="run-7", site="lake", why=Interruption.SITE_SILENT),
    ComputeEnded(
        request="run-7", site="lake", outcome=Outcome.DONE, joules=3_600_000, energy=EnergyHow.METERED, **USED
    ),
    ComputeEnded(request="x", site=None, outcome=Outcome.CANCELED, joules=None, energy=EnergyHow.UNKNOWN, **USED),
    ComputeRefused(request="x", reason="no_quota"),
    SiteAdmitted(site="lake", proposal=3),
    SiteRemoved(site="lake", why="left", proposal=None),
    SiteStanding(
        site="lake",
        standing=Standing.OPEN,
        why="said",
        devices=8,
        memory_bytes=2**36,
        region="FR-ARA",
        country="FR",
        device_kind="cuda",
    ),
    ComputePolicyAdopted.of(Policy(shares={"water": 2, "soil": 1}), 9),
    ComputeEmitted.of(request="run-7", part=1, site="lake", source="uk", signal=Signal.AVERAGE, **EMITTED),
    ComputeWaits(request="run-7", why=Why.GREENER_LATER, expected=1_800_000_000, plus_minus=900),
    ComputeWaits(request="x", why=Why.NO_SITE_FITS, expected=None, plus_minus=0),
    ComputeNeedsMore(request="run-7", site="lake", memory_bytes=2**36 + 1),
]
MAY_BE_NONE = {"proposal_number", "site", "joules", "grams", "at_once_gram_seconds", "expected"}
LATER = {"device_kind": "", "governed_by": ""}  # what older logs do not say, and what they mean by it
WRONG = [
    None,
    True,
    -1,
    1.5,
    float("nan"),
    2**53,
    10**5_000,
    "",
    " ",
    "é",
    "a\n",
    "a\x00",
    "\ud800",
    "x" * 65,
    [],
    {},
    {"a": True},
]


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.kind)
def test_what_is_written_is_read_again_and_has_a_canonical_form(event):
    data = data_of(event)
    assert read(event.kind, data) == event
    assert canonical_bytes(data)


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.kind)
def test_no_field_is_called_as_what_an_entry_says_itself(event):
    assert {"kind", "at", "now", "actor", "proposal", "community"}.isdisjoint(data_of(event))


def test_every_kind_has_an_example_here_and_fits_the_column_of_the_log():
    assert {event.kind for event in ALL} == set(events.KINDS)
    assert all(len(kind) <= 40 for kind in events.KINDS)


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.kind)
def test_a_missing_and_an_unknown_field_are_refused(event):
    data = data_of(event)
    for name in data.keys() - LATER.keys():
        with pytest.raises(Invalid, match="missing_field"):
            read(event.kind, {key: value for key, value in data.items() if key != name})
    with pytest.raises(Invalid, match="unknown_field"):
        read(event.kind, {**data, "note": "Alice asked for it"})


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.kind)
def test_no_field_takes_what_it_is_not(event):
    data = data_of(event)
    for name, value in data.items():
        for wrong in WRONG:
            allowed = wrong == value or (wrong is None and name in MAY_BE_NONE) or wrong == LATER.get(name, value)
            if allowed or (isinstance(value, bool) and wrong is True) or (name == "shares" and wrong == {}):
                continue
            with pytest.raises(Invalid) as refused:
                read(event.kind, {**data, name: wrong})
            assert refused.value.field == name
            assert len(str(refused.value.found)) < 100


@given(st.sampled_from([event.kind for event in ALL]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=12), max_leaves=12,
))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_whatever_comes_is_read_as_it_is_or_refused(kind, data):
    with suppress(Invalid):
        assert data_of(read(kind, data)) == data


def test_what_older_logs_do_not_say_is_read_as_not_said():
    (standing,) = (event for event in ALL if event.kind == "site_standing")
    data = {key: value for key, value in data_of(standing).items() if key not in LATER}
    assert read(standing.kind, data) == replace(standing, **LATER)


def test_an_unknown_kind_is_refused():
    with pytest.raises(Invalid, match="unknown_event"):
        read("ballot_cast", {})


@pytest.mark.parametrize(
    ("index", "change"),
    [
        (0, {"proposal_number": None}), (1, {"proposal_number": 4}), (2, {"why": "all_busy"}), (4, {"joules": None}),
        (5, {"joules": 1}), (7, {"site": "all"}), (0, {"devices": 0}), (9, {"country": "fr"}), (4, {"cost": INTEGER_MAX + 1}),
        (11, {"grams": 900}), (11, {"grams_saved": -300}), (11, {"grams_saved": None}), (11, {"until": SINCE}),
        (12, {"why": "starts"}), (14, {"memory_bytes": 0}), (9, {"device_kind": "a graphics card"}),
    ],
)  # fmt: skip
def test_fields_that_contradict_each_other_are_refused(index, change):
    with pytest.raises(Invalid):
        read(ALL[index].kind, {**data_of(ALL[index]), **change})


def test_a_builder_refuses_what_the_reader_would():
    with pytest.raises(Invalid):
        data_of(ComputeRefused(request="x", reason="Because Alice asked twice."))


def test_a_policy_comes_back_whole():
    policy = Policy(shares={"water": 2}, reserved_bps=2_500, carbon_aware=False)
    adopted = ComputePolicyAdopted.of(policy, 4)
    assert read(adopted.kind, data_of(adopted)).policy == policy


def test_what_was_emitted_is_rounded_up_and_what_was_saved_down():
    said = ALL[11]
    assert (said.grams, said.grams_saved) == (901, -301)
    assert said.exact == grams_of_energy(Series(SINCE, 3_600, (100, 500)), SINCE, SINCE + 7_200, 7_200_001, 1_500)
