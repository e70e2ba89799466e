"""What people see of a run of several machines, and what an operator has to set before one may be proposed."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import re

import pytest
from django.test import Client

from governance.clock import now as clock
from tests.integration.machines import description, model_in
from tests.integration.test_deployment import start
from tests.integration.test_runner_protocol import _own_folder, browser, finish, machine, other, register
from tests.integration.test_seats import RELAY, let_lapse, order, place, secret, several, third
from training_jobs import services


def page(path, client=None):
    """Return what a page says, without its tags."""
    shown = (client or Client()).get(path, headers={"Accept-Language": "en"})
    assert shown.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown.content.decode()))


def section(text, first, last):
    return text[text.index(first) : text.index(last)]


def machines_of(run):
    return section(page(f"/runs/{run.pk}/").partition("Log")[2], "Machines of this run", "Attempts")


def test_the_page_of_a_run_says_which_machine_has_which_place(several, machine, other, browser):
    assert "Member 2 — — free" in page(f"/runs/{several.pk}/")
    machine.claim(several)
    member = other.claim(several)
    step = {"event": "step", "step": 12, "steps": 40, "loss": "1.5", "owner": {"of": ["anything"]}}
    other.post(f"runs/{several.pk}/events", {**place(member), "events": [step]})
    shown = machines_of(several)
    assert re.search(r"Lead laptop .* at work — — Member 1 desktop .* at work Step 12 of 40 — Member 2 — — free", shown)
    let_lapse(several.seats.get(slot=1))
    assert re.search(r"Member 1 desktop .* went silent", machines_of(several))
    assert "runner:" not in page(f"/runs/{several.pk}/")
    assert "Step 12 of 40" not in section(page(f"/runs/{several.pk}/"), "How the training goes", "Log")


def test_a_run_of_one_machine_names_it_and_speaks_of_no_seats(run, machine):
    machine.claim(run)
    text = page(f"/runs/{run.pk}/")
    assert "Machines of this run" not in text
    assert "1 laptop" in section(text, "Attempts", "What was approved")
    assert "A machine took the run · laptop" in text


def test_a_worker_of_the_site_is_named_as_it_is(run):
    services.claim(run.pk, "host.example:4711", clock())
    assert "1 host.example:4711" in page(f"/runs/{run.pk}/")


def test_another_model_than_the_leads_is_shown_as_a_finding(several, machine, other, third, tmp_path):
    lead, same, another = (each.claim(several) for each in (machine, other, third))
    told = machine.upload(several, lead["fence"], model_in(tmp_path / "model"))
    differs = description(model_in(tmp_path / "another", seed=2))
    path = f"runs/{several.pk}"
    for each, given, said in ((other, same, told), (third, another, differs)):
        assert each.post(f"{path}/took-part", {**place(given), "description": said}).status_code == 200
    finish(machine, several, lead["fence"], told)
    shown = machines_of(several)
    assert re.search(r"Member 1 desktop .* done — 64 tokens yes", shown)
    assert re.search(r"Member 2 tower .* done — 64 tokens no Its files are not those of the lead", shown)
    log = section(page(f"/{path}/").partition("Log")[2], "", "Machines of this run")
    assert "Member 1 · Made the same model as the lead" in log
    assert "Member 2 · Made another model than the lead" in log
    assert "Accepted" in page(f"/{path}/")


def test_the_page_of_machines_says_which_run_a_member_works_on(several, machine, other):
    machine.claim(several)
    member = other.claim(several)
    text = page("/c/water-commons/machines/")
    assert text.count(f"Works on run {several.pk}") == 2
    other.post(f"runs/{several.pk}/stopped", place(member))
    text = page("/c/water-commons/machines/")
    assert text.count(f"Works on run {several.pk}") == 1


def test_the_api_names_places_and_attempts(several, machine, other):
    machine.claim(several)
    other.claim(several)
    shown = Client().get(f"/api/v1/runs/{several.pk}").json()
    assert [(seat["slot"], seat["fence"], seat["took_part_at"], seat["agrees"]) for seat in shown["seats"]] == [
        (1, 1, None, None),
        (2, 0, None, None),
    ]
    assert [(attempt["slot"], attempt["number"]) for attempt in shown["attempts"]] == [(0, 1), (1, 1)]
    events = Client().get(f"/api/v1/runs/{several.pk}/events").json()["results"]
    assert [(event["slot"], event["kind"]) for event in events] == [(0, "claimed"), (1, "claimed")]


# --- the operator -------------------------------------------------------------------------------------------------

READ = ("-c", "from django.conf import settings; settings.DEBUG")
RELAYED = {"RUN_STRATEGIES": "single,diloco,dilocox", "RELAY_URL": RELAY}


@pytest.mark.parametrize("strategy", ["diloco", "dilocox"])
def test_a_strategy_that_needs_a_relay_is_not_offered_without_one(tmp_path, strategy):
    finished = start(tmp_path, *READ, RUN_STRATEGIES=f"single,{strategy}")
    assert finished.returncode != 0
    assert "COMMONWEIGHTS_RUN_STRATEGIES" in finished.stderr
    assert "COMMONWEIGHTS_RELAY_URL" in finished.stderr


def test_a_relay_needs_a_secret_that_can_be_read_and_is_long_enough(tmp_path):
    file = tmp_path / "secret"
    for content in (None, b"", b"hunter2"):
        if content is not None:
            file.write_bytes(content)
        finished = start(tmp_path, *READ, **RELAYED, RELAY_SECRET_FILE=str(file))
        assert finished.returncode != 0
        assert "COMMONWEIGHTS_RELAY_SECRET_FILE" in finished.stderr
        assert "hunter2" not in finished.stderr
    file.write_bytes(b"\n" * 32)
    assert start(tmp_path, *READ, **RELAYED, RELAY_SECRET_FILE=str(file)).returncode == 0
    wrong = start(tmp_path, *READ, RUN_STRATEGIES="diloco", RELAY_URL="ftp://relay", RELAY_SECRET_FILE=str(file))
    assert "COMMONWEIGHTS_RELAY_URL" in wrong.stderr
