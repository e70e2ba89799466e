"""Energy is counted by counters where they are, and what is estimated is never called metered."""

import ctypes
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_jobs.carbon.meters import METERS, Energy, MeterFailed, Metering, line_of, metering, total
from training_jobs.carbon.meters.codecarbon_meter import CodeCarbon
from training_jobs.carbon.meters.metering import gpus_here
from training_jobs.carbon.meters.nvidia_smi import NvidiaSmi, milliwatts
from training_jobs.carbon.meters.nvml import DriverCounters, Nvml
from training_jobs.carbon.meters.rapl import Rapl

RANGE = 262_143_328_850  # microjoules; what such counters really say


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


class Machine:
    """A folder of counters as Linux shows them."""

    def __init__(self, folder):
        self.folder = folder
        self.domain("intel-rapl:0", "package-0", 5_000_000)

    def domain(self, path, name, counter, most=RANGE):
        there = self.folder / path
        there.mkdir(parents=True, exist_ok=True)
        (there / "name").write_text(f"{name}\n")
        (there / "energy_uj").write_text(f"{counter}\n")
        (there / "max_energy_range_uj").write_text(f"{most}\n")

    def counter(self, path, value):
        (self.folder / path / "energy_uj").write_text(f"{value}\n")


class Gpus:
    """Counters of GPUs, in millijoules."""

    def __init__(self, *counters):
        self.counters = list(counters)

    def read(self):
        if self.counters is None:
            raise MeterFailed("the driver answered 15")
        return list(self.counters)


class Package:
    """codecarbon, as far as it is used."""

    def __init__(self, kwh):
        self.kwh = kwh

    def OfflineEmissionsTracker(self, **_):  # noqa: N802 - the package's name for it
        return self

    def start(self):
        if self.kwh is None:
            raise RuntimeError("no such country")

    def stop(self):
        self.final_emissions_data = self
        self.energy_consumed = self.kwh


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def work(meters, clock, *, watts=0, gpus=0, seconds=60, meanwhile=lambda: None, looks=6):
    """Meter some work by hand, without a thread."""
    metering = Metering(meters, watts, gpus=gpus, clock=clock)
    metering.start(thread=False)
    for _ in range(looks):
        clock.now += seconds / looks
        meanwhile()
        metering.look()
    return metering.stop()


# --- processors -------------------------------------------------------------------------------------------------------


def test_joules_of_the_processors_are_metered(machine, tmp_path, clock):
    machine.domain("intel-rapl:1", "package-1", 0)

    def use():
        machine.counter("intel-rapl:0", 5_000_000 + int(clock.now - 1_000) * 90_000_000)
        machine.counter("intel-rapl:1", int(clock.now - 1_000) * 10_000_000)

    found = work([Rapl(tmp_path, clock)], clock, meanwhile=use)
    assert (found.joules, found.how, found.by, found.covers, found.seconds, found.note) == (
        6_000,
        "metered",
        ("rapl",),
        ("processor",),
        60,
        "",
    )


def test_memory_is_counted_and_what_is_counted_elsewhere_is_not_counted_twice(machine, tmp_path, clock):
    machine.domain("intel-rapl:0:0", "core", 0)
    machine.domain("intel-rapl:0:1", "dram", 0)
    machine.domain("intel-rapl:1", "psys", 0)
    machine.domain("intel-rapl-mmio:0", "package-0", 0)

    def use():
        for path in ("intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:1", "intel-rapl-mmio:0"):
            machine.counter(path, 7_000_000)

    found = work([Rapl(tmp_path, clock)], clock, meanwhile=use)
    assert (found.joules, found.covers) == (7, ("memory", "processor"))


def test_a_counter_that_runs_round_is_followed(machine, tmp_path, clock):
    machine.counter("intel-rapl:0", RANGE - 1_000_000)
    found = work([Rapl(tmp_path, clock)], clock, looks=1, meanwhile=lambda: machine.counter("intel-rapl:0", 3_000_000))
    assert found.joules == 4


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 100_000_000), min_size=1, max_size=20), st.integers(0, RANGE - 1))
def test_however_often_it_runs_round_all_is_counted(tmp_path_factory, used, begin):
    clock, folder = Clock(), tmp_path_factory.mktemp("counters")
    machine = Machine(folder)
    machine.counter("intel-rapl:0", begin)
    meter = Rapl(folder, clock)
    meter.start()
    total = begin
    for amount in used:
        total += amount * 1_000
        clock.now += 60
        machine.counter("intel-rapl:0", total % RANGE)
        meter.look()
    assert meter.stop() == -(-sum(used) * 1_000 // 1_000_000)


def test_a_counter_that_was_not_looked_at_for_too_long_is_not_believed(machine, tmp_path, clock):
    found = work([Rapl(tmp_path, clock)], clock, watts=300, seconds=140, looks=1)
    assert (found.joules, found.how, found.by) == (300 * 140, "estimated", ("power_x_time",))
    assert "more than once" in found.note


@pytest.mark.parametrize("text", ["", "many", "-5", "1.5", "9" * 30, "٣", "\xff\xfe"])
def test_a_counter_that_is_no_number_is_refused(machine, tmp_path, text):
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text(text, encoding="utf-8")
    with pytest.raises(MeterFailed):
        Rapl(tmp_path).start()


def test_a_machine_without_counters_is_refused(tmp_path):
    with pytest.raises(MeterFailed, match="no counters"):
        Rapl(tmp_path).start()
    with pytest.raises(MeterFailed, match="no counters"):
        Rapl(tmp_path / "nowhere").start()


def test_counters_that_cannot_be_read_are_refused(machine, tmp_path):
    counter = tmp_path / "intel-rapl:0" / "energy_uj"
    counter.unlink()
    counter.mkdir()  # root reads every file, but no folder
    with pytest.raises(MeterFailed, match="Is a directory"):
        Rapl(tmp_path).start()


# --- GPUs -------------------------------------------------------------------------------------------------------------


def test_joules_of_all_gpus_and_the_processors_are_metered(machine, tmp_path, clock):
    gpus = Gpus(1_000, 50_000)

    def use():
        gpus.counters = [value + 100_000 for value in gpus.counters]
        machine.counter("intel-rapl:0", 5_000_000 + int(clock.now - 1_000) * 1_000_000)

    found = work([Rapl(tmp_path, clock), Nvml(gpus)], clock, gpus=2, meanwhile=use)
    assert (found.joules, found.how, found.by) == (1_200 + 60, "metered", ("rapl", "nvml"))


def test_gpus_alone_are_not_the_machine(clock):
    gpus = Gpus(0)

    def use():
        gpus.counters[0] += 10_000_000

    found = work([Nvml(gpus)], clock, watts=400, gpus=1, meanwhile=use)
    assert (found.joules, found.how, found.by) == (60_000, "estimated", ("nvml",))
    declared = work([Nvml(Gpus(0))], clock, watts=400, gpus=1)
    assert (declared.joules, declared.how, declared.by) == (24_000, "estimated", ("power_x_time",))


def test_processors_alone_are_not_a_machine_with_gpus(machine, tmp_path, clock):
    found = work([Rapl(tmp_path, clock), Nvml(Gpus())], clock, watts=400, gpus=1)
    assert (found.how, found.joules) == ("estimated", 24_000)
    assert found.note == "nvml: the driver shows no GPU"


@pytest.mark.parametrize("later", [[10], [500, 600, 700], None])
def test_a_driver_that_begins_anew_or_goes_away_is_noticed(machine, tmp_path, clock, later):
    gpus = Gpus(1_000, 2_000)
    meters = [Rapl(tmp_path, clock), Nvml(gpus)]
    found = work(meters, clock, watts=500, gpus=2, meanwhile=lambda: setattr(gpus, "counters", later))
    assert (found.how, found.by, found.joules) == ("estimated", ("power_x_time",), 30_000)
    assert found.note.startswith("nvml: the driver")


class Driver:
    """The driver's library, as it is called through ctypes."""

    status = 0

    def nvmlInit_v2(self):  # noqa: N802 - the library's names
        return 0

    def nvmlDeviceGetCount_v2(self, count):  # noqa: N802
        count._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, gpu):  # noqa: N802
        gpu._obj.value = 100 + index.value
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu, energy):  # noqa: N802
        energy._obj.value = 2**40 + gpu.value
        return self.status


def test_the_drivers_counters_are_read_for_each_gpu(monkeypatch):
    driver = Driver()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    counters = DriverCounters()
    assert counters.read() == [2**40 + 100, 2**40 + 101]
    driver.status = 3  # not supported
    with pytest.raises(MeterFailed, match="answered 3"):
        counters.read()


def test_without_a_driver_or_with_an_old_one_there_is_no_counter(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    with pytest.raises(MeterFailed, match="too old"):
        Nvml().start()
    monkeypatch.undo()
    monkeypatch.setattr("training_jobs.carbon.meters.nvml.LIBRARY", "libnobody-has-this.so")
    with pytest.raises(MeterFailed, match="not here"):
        Nvml().start()


def test_power_that_is_asked_for_now_and_then_is_an_estimate(machine, tmp_path, clock):
    found = work([Rapl(tmp_path, clock), NvidiaSmi(lambda: "100.50\n99.5\n", clock)], clock, gpus=2)
    assert (found.joules, found.how, found.by) == (200 * 60, "estimated", ("rapl", "nvidia_smi"))


@pytest.mark.parametrize(
    "text", ["", "[N/A]\n", "100.5\n[N/A]\n", "NaN", "-3", "1e9", "999999", "١٠٠", "100 W", "99999"]
)
def test_what_is_no_power_of_every_gpu_is_refused(text):
    with pytest.raises(MeterFailed):
        milliwatts(text)


def test_power_is_read_to_the_milliwatt():
    assert milliwatts(" 71.23\n300\n0.0005\n") == [71_230, 300_000, 0]


# --- what is left -----------------------------------------------------------------------------------------------------


def test_a_package_that_counts_is_an_estimate(clock):
    found = work([CodeCarbon(Package(0.5))], clock, watts=100)
    assert (found.joules, found.how, found.by) == (1_800_000, "estimated", ("codecarbon",))


@pytest.mark.parametrize("kwh", [None, float("nan"), float("inf"), -1, "1", True, 1e300])
def test_a_package_that_fails_or_says_nonsense_falls_back(clock, kwh):
    found = work([CodeCarbon(Package(kwh))], clock, watts=100)
    assert (found.joules, found.by) == (6_000, ("power_x_time",))
    assert found.note.startswith("codecarbon: ")


def test_a_package_is_not_started_where_counters_cover_the_machine(machine, tmp_path, clock):
    package = Package(None)
    package.start = pytest.fail
    assert work([Rapl(tmp_path, clock), CodeCarbon(package)], clock).how == "metered"


def test_a_counter_that_fails_half_way_falls_back_and_says_so(machine, tmp_path, clock):
    found = work(
        [Rapl(tmp_path, clock)],
        clock,
        watts=250,
        meanwhile=lambda: (tmp_path / "intel-rapl:0" / "energy_uj").unlink(missing_ok=True),
    )
    assert (found.joules, found.how, found.by, found.covers) == (
        250 * 60,
        "estimated",
        ("power_x_time",),
        ("processor",),
    )
    assert "energy_uj cannot be read" in found.note


def test_nothing_known_is_not_zero(clock):
    assert work([], clock) is None
    assert work([Nvml(Gpus())], clock, gpus=1) is None


def test_a_thread_looks_at_the_counters_until_the_end(machine, tmp_path):
    meter = Rapl(tmp_path)
    meter.look_seconds = 0.01
    metering = Metering([meter])
    metering.start()
    machine.counter("intel-rapl:0", 6_000_000)
    until = time.monotonic() + 10
    while meter._micro_joules == 0 and time.monotonic() < until:
        time.sleep(0.005)
    found = metering.stop()
    assert (found.how, found.joules) == ("metered", 1)
    assert not metering._thread.is_alive()


def test_the_table_meters_this_machine_whatever_it_has(tmp_path):
    counted = metering(100, tmp_path)
    counted.start(thread=False)
    found = counted.stop()
    assert found.how == "estimated"
    assert "rapl: this machine shows no counters" in found.note
    assert list(METERS) == ["rapl", "nvml", "nvidia_smi", "codecarbon"]


def test_gpus_are_counted_by_their_devices(tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert (gpus_here(tmp_path), gpus_here(tmp_path / "nowhere")) == (2, 0)


# --- what a machine says ----------------------------------------------------------------------------------------------

METERED = Energy(6_000, "metered", ("rapl",), ("processor",), 60)
ESTIMATED = Energy(900, "estimated", ("power_x_time",), ("gpu", "processor"), 9, "nvml: the driver shows no GPU")


def test_what_is_said_is_read_back_and_added_up():
    assert total([line_of(METERED, 1)]) == METERED
    both = total([line_of(METERED, 1), line_of(ESTIMATED, 2)])
    assert both == Energy(6_900, "estimated", ("rapl", "power_x_time"), ("processor",), 69, ESTIMATED.note)


def test_a_line_that_came_twice_counts_once():
    assert total([line_of(METERED, 1), line_of(METERED, 1)]) == METERED


def test_nothing_said_is_not_zero():
    assert total([]) is None
    assert total([{"event": "energy", "joules": 0}]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"joules": -1},
        {"joules": True},
        {"joules": "7"},
        {"joules": 10**16},
        {"child": 0},
        {"child": 10**9},
        {"seconds": None},
        {"how": "metred"},
        {"how": ["metered"]},
        {"covers": ["soul"]},
        {"covers": [["gpu"]]},
        {"by": "rapl"},
        {"by": ["x" * 41]},
        {"by": ["x"] * 11},
        {"note": "x" * 501},
        {"note": "\x00"},
        {"note": "\u202e"},
        {"note": None},
    ],
)
def test_a_line_in_another_form_counts_for_nothing_and_makes_it_an_estimate(change):
    found = total([line_of(METERED, 1), {**line_of(METERED, 2), **change}])
    assert (found.joules, found.how, found.note) == (6_000, "estimated", "a line could not be read")
