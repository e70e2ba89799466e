"""The feed of the compute figures: published by the site, and computed again from the log that it serves."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from django.db import transaction

from config.settings import BASE_DIR
from governance import log, services
from governance.models import Community, Event
from tests.integration import commons
from tests.simulators.compute_log import ComputeLog, a_year_of_computing
from training_jobs.transparency import feed, published
from training_jobs.transparency.__main__ import main
from training_jobs.transparency.figures import figures, figures_of_many

FOUNDED = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_votes(settings):
    settings.VOTING_PERIOD_SECONDS_MIN = 1


def write(community, story):
    """Write a story into the log of a community."""
    events = [
        Event(
            community_id=community.pk,
            at=datetime.fromtimestamp(entry.at, UTC),
            kind=entry.kind,
            actor=entry.actor[:64],
            data=entry.data,
        )
        for entry in story.entries
    ]
    with transaction.atomic():
        log.append(community.pk, events)


@pytest.fixture
def gardens():
    found = commons.found(FOUNDED, {"Alice": 1, "Bob": 1}, slug="gardens").community
    write(found, a_year_of_computing())
    return found


@pytest.fixture
def downloaded(client, tmp_path):
    """Download the log of a community page by page, as a stranger would; return the file."""

    def download(slug, count=50):
        pages, leaves, start = [], [0] * count, 0
        while len(leaves) == count:
            answer = client.get(f"/api/v1/communities/{slug}/log/entries?start={start}&count={count}")
            leaves = answer.json()["leaves"]
            pages.append(answer.content + b"\n")
            start += len(leaves)
        path = tmp_path / f"{slug}.jsonl"
        path.write_bytes(b"".join(pages))
        return path

    return download


@pytest.mark.parametrize("form", feed.FORMATS)
def test_the_command_computes_from_the_served_log_what_the_site_publishes(
    client, gardens, downloaded, tmp_path, form, capsys
):
    answer = client.get(f"/api/v1/communities/gardens/compute/figures.{form}")
    assert answer.status_code == 200
    said = tmp_path / f"published.{form}"
    said.write_bytes(answer.content)
    path, again = downloaded("gardens"), tmp_path / f"again.{form}"
    assert main([str(path), "--compare", str(said)]) == 0
    assert main([str(path), "--output", str(again)]) == 0
    assert again.read_bytes() == answer.content
    size = Community.objects.get(slug="gardens").log_size
    assert f"{size} entries, root {_root(gardens)}" in capsys.readouterr().err


def _root(community):
    fresh = Community.objects.get(pk=community.pk)
    return log.log_tree.root(fresh.log_size, log.reader(fresh.pk))


def test_the_command_needs_no_django_and_no_network(gardens, downloaded, client):
    path = downloaded("gardens")
    code = (
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'django', 'rest_framework', 'requests', 'torch', 'pyarrow'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "from training_jobs.transparency.__main__ import main\n"
        f"sys.exit(main([{str(path)!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == client.get("/api/v1/communities/gardens/compute/figures").content


def test_the_command_names_the_first_row_that_differs(gardens, client, downloaded, tmp_path, capsys):
    answer = json.loads(client.get("/api/v1/communities/gardens/compute/figures").content)
    row = next(row for row in answer["figures"] if row["measure"] == "wait_p50")
    row["value"] = row["decimal"] = "1"
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(answer))
    assert main([str(downloaded("gardens")), "--compare", str(forged)]) == 1
    assert "wait_p50" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"{}"), ("a.json", b'{"schema_version":1,"figures":[{}]}'), ("a.json", b"\xff"), ("a.csv", b"a,b\r\n"),
        ("a.csv", b"\xff\xfe"), ("a.parquet", b"PAR1"), ("a.json", b'{"schema_version":1,"figures":[1]}'),
    ],
)  # fmt: skip
def test_a_file_that_is_no_feed_is_refused_in_words(gardens, downloaded, tmp_path, name, content, capsys):
    (tmp_path / name).write_bytes(content)
    assert main([str(downloaded("gardens")), "--compare", str(tmp_path / name)]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        b"{", b"[]", b'{"kind":"x"}', b'{"start":5,"leaves":[]}', b'{"start":0,"leaves":7}', b'{"start":0,"leaves":[7]}',
        b'{"kind":"x","at":1.5,"actor":"","proposal":"","data":{}}', b'{"kind":"x","at":true,"actor":"","proposal":"","data":{}}',
        b'{"kind":"site_admitted","at":999999999999,"actor":"","proposal":"","data":{"site":"a","proposal_number":null}}',
        b'{"start":0,"leaves":["\\ud800"]}',
    ],
)  # fmt: skip
def test_a_file_that_is_no_log_is_refused_in_words(tmp_path, content, capsys):
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    assert main([str(path)]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert main([str(tmp_path / "missing.jsonl")]) == 2


def test_the_whole_site_is_recomputed_from_the_logs_of_its_communities(client, gardens, downloaded, tmp_path):
    lakes = commons.found(FOUNDED, {"Alice": 1, "Bob": 1}, slug="lakes").community
    story = ComputeLog().admit(0, "lake", 8)
    story.runs(0, [f"l{number}" for number in range(6)])
    write(lakes, story)
    commons.found(FOUNDED, {"Alice": 1}, slug="quiet")
    answer = client.get("/api/v1/compute/figures.json")
    said = tmp_path / "site.json"
    said.write_bytes(answer.content)
    paths = [str(downloaded(slug)) for slug in ("quiet", "lakes", "gardens")]
    rows = {(row["period"], row["table"], row["measure"]): row["value"] for row in answer.json()["figures"]}
    assert rows["all", "fairness", "communities"] == "2"
    fairness = [(row.period, row.measure, str(row.value)) for row in published.fairness_of_site()]
    said_fairness = [row for row in answer.json()["figures"] if row["table"] == "fairness"]
    assert fairness == [(row["period"], row["measure"], row["value"]) for row in said_fairness]
    assert main([*paths[1:], "--compare", str(said)]) == 0
    assert main([*paths, "--compare", str(said)]) == 0, "a log without anything computed changes nothing"
    assert main([paths[1], "--compare", str(said)]) == 1


def test_equal_figures_are_equal_bytes_in_every_format():
    first, second = (figures(a_year_of_computing().log) for _ in range(2))
    for form in feed.FORMATS:
        assert feed.written(first, form) == feed.written(second, form)


@pytest.mark.parametrize("form", feed.FORMATS)
def test_every_format_says_the_same_and_comes_back_as_it_was_written(form):
    story = ComputeLog().admit(0, "lake", 8).runs(0, ["a", "b"], "newcomer").runs(9_999, [f"m{n}" for n in range(7)])
    for found in (figures(story.log), figures(a_year_of_computing().log), figures_of_many({"a": story.log})):
        assert feed.read(feed.written(found, form), form) == list(feed.rows_of(found))


def test_parquet_has_types_that_other_programs_can_count_with(tmp_path):
    path = tmp_path / "figures.parquet"
    path.write_bytes(feed.written(figures(a_year_of_computing().log), "parquet"))
    table = pq.read_table(path)
    assert [str(table.schema.field(name).type) for name in ("decimal", "suppressed", "at")] == [
        "double",
        "bool",
        "int64",
    ]
    assert table.to_pylist()[0]["measure"] == "schema_version"


def test_figures_are_kept_until_the_log_grows(client, gardens, django_assert_max_num_queries):
    first = client.get("/api/v1/communities/gardens/compute/figures")
    with django_assert_max_num_queries(2):
        again = client.get("/api/v1/communities/gardens/compute/figures")
    assert again.content == first.content
    unchanged = client.get("/api/v1/communities/gardens/compute/figures", headers={"If-None-Match": first["ETag"]})
    assert unchanged.status_code == 304
    write(gardens, ComputeLog().ask(200 * 86_400, "later"))
    grown = client.get("/api/v1/communities/gardens/compute/figures", headers={"If-None-Match": first["ETag"]})
    assert grown.status_code == 200
    assert grown.content != first.content


def test_two_logs_of_one_size_are_not_taken_for_each_other():
    alike = [commons.found(FOUNDED, {"Alice": 1}, slug=slug).community for slug in ("first", "second")]
    write(alike[0], ComputeLog().admit(0, "lake", 8).other(3_600))
    write(alike[1], ComputeLog().admit(0, "lake", 9).other(3_600))
    fresh = [Community.objects.get(pk=each.pk) for each in alike]
    first, second = (published.of_community(each) for each in fresh)
    assert first.size == second.size
    assert first != second


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("communities/nowhere/compute/figures", 404), ("communities/gardens/compute/figures.xlsx", 404),
        ("communities/nowhere/compute/figures.csv", 404), ("compute/figures.pdf", 404), ("compute/figures", 200),
        ("communities/gardens/compute/figures.csv", 200),
    ],
)  # fmt: skip
def test_the_api_answers_anybody_and_refuses_in_problem_json(client, gardens, address, status):
    answer = client.get(f"/api/v1/{address}", headers={"Accept": "text/csv"})
    assert answer.status_code == status
    if status == 404:
        assert answer["Content-Type"] == "application/problem+json"


def test_events_that_are_noted_as_everything_else_is_are_read(client):
    quiet = commons.found(FOUNDED, {"Alice": 1}, slug="quiet").community
    for entry in ComputeLog().admit(0, "lake", 2).other(3_600).entries:
        services.note(entry.kind, datetime.fromtimestamp(entry.at, UTC), community=quiet, actor="0x01", **entry.data)
    rows = client.get("/api/v1/communities/quiet/compute/figures").json()["figures"]
    assert {(row["table"], row["measure"], row["value"]) for row in rows} >= {
        ("log", "strays", "0"),
        ("use", "open", "7200"),
    }


def test_a_community_without_compute_has_an_empty_feed(client):
    commons.found(FOUNDED, {"Alice": 1}, slug="quiet")
    rows = client.get("/api/v1/communities/quiet/compute/figures").json()["figures"]
    assert {row["table"] for row in rows} == {"log"}
