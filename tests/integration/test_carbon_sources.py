"""Sources of carbon intensity: each form is read as its service writes it, and everything else is refused in words."""

import json
import time
from fractions import Fraction
from pathlib import Path

import pytest

from governance.errors import Invalid
from tests.simulators.grid_service import BEGIN, HALF_HOUR, HOUR, KEY, NAME, PASSWORD, GridService, send, text
from training_jobs.carbon import configured, sample_year
from training_jobs.carbon.sources import INTENSITY, SourceRefusal, open_source, wire
from training_jobs.carbon.sources.base import Reading, grams_of
from training_jobs.scheduling.values import Series

SECRETS = {"electricity_maps": KEY, "watttime": f"{NAME}:{PASSWORD}", "carbon_aware": KEY, "uk": ""}
REGIONS = {"electricity_maps": "FR", "watttime": "CAISO_NORTH", "carbon_aware": "northeurope", "uk": "13"}
HTTP = sorted(SECRETS)


@pytest.fixture
def service():
    running = GridService()
    yield running
    running.close()


def opened(service, name):
    return open_source(name, endpoint=service.url, token=SECRETS[name])


# --- answers in order -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "series", "signal"),
    [
        ("electricity_maps", Series(BEGIN // HOUR * HOUR, HOUR, (212, 180, 95, 300)), "average"),
        ("uk", Series(BEGIN // HALF_HOUR * HALF_HOUR, HALF_HOUR, (212, 180, 95, 300)), "average"),
        ("carbon_aware", Series(BEGIN, 600, (212, 180, 95, 300)), "marginal"),
        # (value + 0.5) pounds per MWh, halves up: 212.5 * 0.45359237 = 96.39
        ("watttime", Series(BEGIN, 300, (96, 82, 43, 136)), "marginal"),
    ],
)
def test_a_forecast_is_read_as_its_service_writes_it(service, name, series, signal):
    found = opened(service, name).forecast(REGIONS[name], BEGIN)
    assert found == Reading(name, REGIONS[name], "forecast", signal, series, BEGIN, estimated=True)


@pytest.mark.parametrize("name", HTTP)
def test_what_was_is_cut_to_what_was_asked(service, name):
    first = opened(service, name).forecast(REGIONS[name], BEGIN).series
    since = first.since + first.step
    found = opened(service, name).history(REGIONS[name], since, since + 2 * first.step, BEGIN)
    assert (found.kind, found.series.since, found.series.step, len(found.series.grams_per_kwh)) == (
        "actual",
        since,
        first.step,
        2,
    )


def test_a_pound_per_megawatt_hour_is_converted_exactly():
    pound = Fraction(45_359_237, 100_000_000)
    assert [grams_of(value, pound) for value in (0, 1, 2, 1_000, 2_205)] == [0, 0, 1, 454, 1_000]


def test_keys_go_where_the_service_wants_them_and_nowhere_else(service):
    opened(service, "electricity_maps").forecast("FR", BEGIN)
    opened(service, "uk").forecast("13", BEGIN)
    (path, headers), (_, none) = service.asked
    assert headers["auth-token"] == KEY
    assert KEY not in path
    assert not {"auth-token", "Authorization"} & none.keys()


def test_a_session_is_kept_and_renewed_when_it_is_no_longer_taken(service):
    source = opened(service, "watttime")
    source.forecast("CAISO_NORTH", BEGIN)
    source.forecast("CAISO_NORTH", BEGIN + 60)
    assert len(service.tokens) == 1
    service.tokens.append("somebody else signed in")
    source.forecast("CAISO_NORTH", BEGIN + 120)
    source.forecast("CAISO_NORTH", BEGIN + 3_600)
    assert len(service.tokens) == 4


def test_missing_values_are_bridged_and_counted(service):
    service.values = [212, None, None, 300]
    found = opened(service, "electricity_maps").forecast("FR", BEGIN)
    assert (found.series.grams_per_kwh, found.filled) == ((212, 212, 212, 300), 2)
    service.values = [212, None, None, None, 300, 1]
    with pytest.raises(SourceRefusal, match="equal steps"):
        opened(service, "electricity_maps").forecast("FR", BEGIN)


# --- answers that are none --------------------------------------------------------------------------------------------


def slow(handler):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        time.sleep(0.05)
        handler.wfile.write(b" ")
        handler.wfile.flush()


def silent(_):
    time.sleep(1.5)


def cut_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"forecast": [')


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 65_536)
    except OSError:
        pass


def refused(status, **headers):
    return lambda handler: send(handler, b'{"error": "no"}', status, **headers)


BAD = {
    "nonsense": (b"<html>busy</html>", "intensity_malformed"),
    "truncated": (b'{"zone": "FR", "forecast": [{"datetime": "20', "intensity_malformed"),
    "cut off": (cut_off, "intensity_"),
    "empty": (b"", "intensity_malformed"),
    "a list": (b"[]", "intensity_malformed"),
    "a number": (b"7", "intensity_malformed"),
    "NaN": (b'{"data": NaN}', "intensity_malformed"),
    "deep": (b"[" * 100_000, "intensity_malformed"),
    "not UTF-8": (b'{"data": "\xff"}', "intensity_malformed"),
    "twice": (b'{"data": 1, "data": 2}', "intensity_malformed"),
    "huge": (lambda handler: send(handler, b" " * (wire.BYTES_MAX + 1)), "intensity_too_large"),
    "endless": (endless, "intensity_too_large"),
    "a wrong key": (refused(401), "intensity_key_refused"),
    "a plan without it": (refused(403), "intensity_key_refused"),
    "unknown": (refused(404), "intensity_none"),
    "too often": (refused(429, Retry_After="120"), "intensity_rate_limited"),
    "broken": (refused(500), "intensity_refused"),
    "elsewhere": (refused(302, Location="http://127.0.0.1:1/"), "intensity_refused"),
    "packed": (lambda handler: send(handler, b"x", Content_Encoding="gzip"), "intensity_malformed"),
}


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("bad", sorted(BAD))
def test_an_answer_that_is_none_is_refused_in_words_and_without_the_key(service, name, bad, caplog):
    service.answer, code = BAD[bad]
    with pytest.raises(SourceRefusal) as refusal:
        opened(service, name).forecast(REGIONS[name], BEGIN)
    assert refusal.value.code.startswith(code)
    said = f"{refusal.value} {refusal.value.found!r} {caplog.text}"
    assert KEY not in said
    assert PASSWORD not in said


def test_who_is_asked_too_often_says_for_how_long(service):
    service.answer = BAD["too often"][0]
    with pytest.raises(SourceRefusal) as refusal:
        opened(service, "uk").forecast("13", BEGIN)
    assert (refusal.value.permanent, refusal.value.retry_after_seconds) == (False, 120)


@pytest.mark.parametrize("answer", [slow, silent])
def test_a_slow_service_is_given_up(service, answer):
    service.answer = answer
    began = time.monotonic()
    with pytest.raises(SourceRefusal, match="intensity_too_slow"):
        wire.Wire(service.url, seconds=0.4).get("/", {})
    assert time.monotonic() - began < 1.4


def test_nobody_at_the_address_is_said_so():
    with pytest.raises(SourceRefusal, match="intensity_unreachable"):
        open_source("uk", endpoint="http://127.0.0.1:1").forecast("13", BEGIN)


def test_who_speaks_no_tls_where_it_is_promised_is_not_spoken_to(service):
    with pytest.raises(SourceRefusal, match="intensity_unreachable"):
        open_source("uk", endpoint=service.url.replace("http:", "https:")).forecast("13", BEGIN)
    assert not service.asked


POINT = {"datetime": "2025-06-15T15:00:00.000Z", "carbonIntensity": 100}


@pytest.mark.parametrize(
    "change",
    [
        {"carbonIntensity": "100"},
        {"carbonIntensity": True},
        {"carbonIntensity": -1},
        {"carbonIntensity": 5_001},
        {"carbonIntensity": [1]},
        {"datetime": "2025-06-15T15:00:00"},
        {"datetime": "tomorrow"},
        {"datetime": "1999-06-15T15:00:00Z"},
        {"datetime": "9999-12-31T23:59:59-23:00"},
        {"datetime": "２０２５-06-15T15:00:00Z"},
        {"datetime": 1_750_000_000},
        {"datetime": "2025-06-15T15:00:00Z" + " " * 40},
        {"datetime": None},
    ],
)
def test_a_point_that_cannot_be_is_refused(service, change):
    service.answer = json.dumps({"zone": "FR", "forecast": [{**POINT, **change}]}).encode()
    with pytest.raises(SourceRefusal, match="intensity_malformed"):
        opened(service, "electricity_maps").forecast("FR", BEGIN)


@pytest.mark.parametrize("number", ["1e400", "1E+99999999", "9" * 90, "0." + "1" * 50, "1e-300"])
def test_an_absurd_number_is_refused_at_once(service, number):
    service.answer = (
        b'{"zone": "FR", "forecast": [{"datetime": "2025-06-15T15:00Z", "carbonIntensity": %s}]}' % number.encode()
    )
    with pytest.raises(SourceRefusal, match="intensity_malformed"):
        opened(service, "electricity_maps").forecast("FR", BEGIN)


def test_attack_another_zone_than_the_asked_one_is_answered(service):
    service.answer = json.dumps({"zone": "SE", "forecast": [POINT]}).encode()
    with pytest.raises(SourceRefusal, match="another zone"):
        opened(service, "electricity_maps").forecast("FR", BEGIN)


def test_attack_two_values_for_one_hour(service):
    service.answer = json.dumps({"zone": "FR", "forecast": [POINT, {**POINT, "carbonIntensity": 1}]}).encode()
    with pytest.raises(SourceRefusal, match="two values"):
        opened(service, "electricity_maps").forecast("FR", BEGIN)


def test_attack_more_values_than_anybody_needs(service):
    points = [{"point_time": text(BEGIN), "value": 1}, {"point_time": text(BEGIN + 60), "value": 1}]
    far = [{"point_time": text(BEGIN + 60 * step), "value": 1} for step in range(0, 3_000_000, 150)]
    service.answer = json.dumps(
        {
            "token": "t",
            "data": points + far,
            "meta": {"region": "X", "units": "lbs_co2_per_mwh", "signal_type": "co2_moer"},
        }
    ).encode()
    with pytest.raises(SourceRefusal, match="intensity_malformed"):
        opened(service, "watttime").forecast("X", BEGIN)


@pytest.mark.parametrize("token", ["two\r\nX-Evil: 1", "", 7, "ü", "x" * 5_000])
def test_attack_a_token_that_would_be_another_header(service, token):
    service.answer = json.dumps({"token": token}).encode()
    with pytest.raises(SourceRefusal, match="no token"):
        opened(service, "watttime").forecast("CAISO_NORTH", BEGIN)


def test_another_unit_than_a_known_one_is_refused(service):
    service.answer = json.dumps(
        {"token": "t", "data": [], "meta": {"region": "X", "units": "stone_per_mule", "signal_type": "co2_moer"}}
    ).encode()
    with pytest.raises(SourceRefusal, match="unit"):
        opened(service, "watttime").forecast("X", BEGIN)


@pytest.mark.parametrize("region", ["", "a/b", "../x", "a b", "é", "x" * 65, "a\n", "?zone=SE", ".hidden"])
@pytest.mark.parametrize("name", HTTP)
def test_attack_a_region_that_would_be_another_address(service, name, region):
    with pytest.raises(Invalid, match="region_unusable"):
        opened(service, name).forecast(region, BEGIN)
    assert not [path for path, _ in service.asked if "login" not in path]


def test_an_interval_is_asked_in_pieces(service):
    for since, until in ((0, 0), (5, 0), (0, 15 * 24 * HOUR)):
        with pytest.raises(Invalid, match="interval_unusable"):
            opened(service, "uk").history("13", since, until, BEGIN)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_a_key_is_not_sent_in_the_clear_to_another_machine():
    with pytest.raises(Invalid, match="endpoint_unsafe"):
        open_source("electricity_maps", endpoint="http://grid.example", token=KEY).forecast("FR", BEGIN)


def test_a_key_stands_in_no_representation(service):
    source = opened(service, "electricity_maps")
    assert KEY not in repr(source._wire)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"name": "tea leaves"}, "source_unknown"),
        ({"name": "file"}, "file_missing"),
        ({"name": "watttime", "token": "no colon"}, "token_unusable"),
        ({"name": "electricity_maps", "token": "a\r\nb: c"}, "token_unusable"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings, code):
    with pytest.raises(Invalid) as refusal:
        open_source(**settings)
    assert refusal.value.code == code
    assert refusal.value.field.startswith("CARBON_")


def test_no_source_is_a_choice_and_each_other_one_opens(tmp_path):
    assert open_source("none") is None
    assert {open_source(name, tmp_path / "grid.csv", "", "a:b").name for name in INTENSITY} == set(INTENSITY)


def test_the_settings_name_a_source_and_its_answers_are_kept(settings, tmp_path):
    settings.DATA_DIR, settings.CARBON_FILE, settings.CARBON_ENDPOINT, settings.CARBON_TOKEN = tmp_path, None, "", ""
    settings.CARBON_SOURCE = "none"
    assert configured.intensity() is None
    assert configured.forecasts(["sample-sun"], BEGIN) == ({}, {})
    settings.CARBON_SOURCE = "sample"
    known, refused = configured.forecasts(["sample-sun", "sample-moon", "../x", "sample-sun"], BEGIN)
    assert list(known) == ["sample-sun"]
    assert {region: refusal.code for region, refusal in refused.items()} == {
        "sample-moon": "region_unknown",
        "../x": "region_unusable",
    }
    kept = configured.intensity().forecast("sample-wind", BEGIN)
    assert kept.reading.estimated
    assert (tmp_path / "carbon" / "sample" / "sample-wind.json").is_file()


# --- files ------------------------------------------------------------------------------------------------------------


def written(folder, *lines):
    path = Path(folder) / "grid.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_file_is_read_by_region_and_again_when_it_has_changed(tmp_path):
    head = ["# ours", "region,hour,grams", "north,2025-06-15T15:00Z,212.5"]
    path = written(tmp_path, *head, "south,2025-06-15T15:00Z,9", "north,2025-06-15T16:00Z,180")
    source = open_source("file", path)
    since = 1_749_999_600
    assert source.forecast("north", since).series == Series(since, HOUR, (213, 180))
    assert not source.history("north", since, since + HOUR, since).estimated
    written(tmp_path, *head, "north,2025-06-15T16:00Z,7")
    assert source.forecast("north", since).series.grams_per_kwh == (213, 7)
    with pytest.raises(Invalid, match="region_unknown"):
        source.forecast("south", since)
    with pytest.raises(SourceRefusal, match="intensity_none"):
        source.forecast("north", since + 10 * HOUR)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["region,grams,hour"],
        ["region,hour,grams", "north,2025-06-15T15:00Z"],
        ["region,hour,grams", "north,2025-06-15T15:00Z,NaN"],
        ["region,hour,grams", "north,2025-06-15T15:00Z,-5"],
        ["region,hour,grams", "north,2025-06-15T15:00Z,1e3"],
        ["region,hour,grams", "north,2025-06-15T15:00Z,٣"],
        ["region,hour,grams", "north,2025-06-15 quarter,5"],
        ["region,hour,grams", "north,2025-06-15T15:00Z,5", "north,2025-06-15T15:00Z,6"],
        ["# repeats: yearly", "region,hour,grams", "north,2025-01-01T00:00Z,5"],
    ],
)
def test_a_file_in_another_form_is_refused(tmp_path, lines):
    with pytest.raises(SourceRefusal, match="intensity_malformed"):
        open_source("file", written(tmp_path, *lines)).forecast("north", BEGIN)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(SourceRefusal, match="intensity_no_file"):
        open_source("file", tmp_path / "none.csv").forecast("north", BEGIN)
    (tmp_path / "grid.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(SourceRefusal, match="intensity_malformed"):
        open_source("file", tmp_path / "grid.csv").forecast("north", BEGIN)


def test_the_sample_year_in_a_file_says_what_the_sample_source_says_in_every_year(tmp_path):
    path = tmp_path / "year.csv"
    sample_year.main([str(path)])
    file, sample = open_source("file", path), open_source("sample")
    leap_day = 1_709_164_800  # 2024-02-29T00:00Z
    new_year = 1_735_689_600  # 2025-01-01T00:00Z
    for now in (leap_day, new_year - 5 * HOUR, BEGIN):
        read, made = file.forecast("sample-sun", now), sample.forecast("sample-sun", now)
        assert read.series == made.series
        assert read.estimated
        assert made.estimated
        assert len(made.series.grams_per_kwh) in {96, 97}
    assert (
        sample.history("sample-sun", new_year, new_year + HOUR, BEGIN).series.grams_per_kwh
        == sample_year.year("sample-sun")[:1]
    )
