"""Runners over HTTP: let in by token, one at a time on a run, results taken over once, nothing left of what is refused."""

import hashlib
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client

from governance.clock import now as clock
from governance.models import Event
from models_registry import services as registry
from models_registry.models import Version
from tests.integration.conftest import sign_in
from tests.integration.machines import HELLO, Machine, files_below, model_in, report, rows
from tests.moments import just_past
from training_jobs import worker
from training_jobs.models import Attempt, Run, Runner, RunnerToken
from training_jobs.runners import tokens, work

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    """Runs of other tests have the same numbers."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()


@pytest.fixture
def browser(community, voters):
    """Alice, signed in."""
    client = Client()
    sign_in(client, voters["Alice"])
    return client


def register(browser, name="laptop", **values):
    body = {"community": "water-commons", "name": name, **values}
    answer = browser.post("/api/v1/runners", body, content_type="application/json")
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def machine(browser):
    """A registered machine of Alice's."""
    return Machine(register(browser)["token"])


@pytest.fixture
def other(browser):
    """Another one."""
    return Machine(register(browser, "desktop")["token"])


# --- who is let in ------------------------------------------------------------------------------------------------


def test_a_member_registers_a_machine_and_sees_its_token_once(browser):
    made = register(browser)
    assert made["token"].startswith("cwr_")
    assert made["scopes"] == ["runs:claim", "runs:write"]
    listed = browser.get("/api/v1/runners").json()["results"]
    assert [(row["name"], row["community"]) for row in listed] == [("laptop", "water-commons")]
    assert made["token"] not in browser.get("/api/v1/runners").content.decode()
    stored = RunnerToken.objects.get()
    assert stored.digest == hashlib.sha256(made["token"].encode()).hexdigest()
    assert Event.objects.filter(kind="runner_registered").get().data["name"] == "laptop"


def test_only_somebody_with_the_standing_to_ask_for_a_run_may_lend_a_machine(community, voters):
    for name, code in (("Emma", "below_threshold"), (None, "not_signed_in")):
        client = Client()
        if name:
            sign_in(client, voters[name])
        body = {"community": "water-commons", "name": "laptop"}
        answer = client.post("/api/v1/runners", body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403 if name else 401, code)
    assert not Runner.objects.exists()


def test_a_token_that_is_unknown_revoked_or_expired_gets_one_and_the_same_answer(browser, machine):
    answers = [Client().post("/api/v1/runner/hello"), Machine(tokens.make()).post("hello", HELLO)]
    answers.append(Client().post(f"/api/v1/runner/hello?token={tokens.make()}"))
    assert machine.post("hello", HELLO).status_code == 200
    RunnerToken.objects.update(expires_at=just_past())
    answers.append(machine.post("hello", HELLO))
    RunnerToken.objects.update(expires_at=clock() + DAY)
    assert machine.post("hello", HELLO).status_code == 200
    assert browser.delete(f"/api/v1/runners/{Runner.objects.get().pk}").status_code == 200
    answers.append(machine.post("hello", HELLO))
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["code"] for answer in answers} == {"token_rejected"}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}


def test_a_token_is_good_for_its_scopes_and_for_nothing_that_people_do(browser, run):
    reader = Machine(register(browser, "reader", scopes=["runs:claim"])["token"])
    assert reader.get("work").status_code == 200
    fence = reader.claim(run)["fence"]
    assert reader.post(f"runs/{run.pk}/heartbeat", {"fence": fence}).json()["code"] == "scope_missing"
    writer = Machine(register(browser, "writer", scopes=["runs:write"])["token"])
    assert writer.post(f"runs/{run.pk}/claim").status_code == 403
    for path in ("runners", "drafts", f"runs/{run.pk}/cancel"):
        assert writer.http.post(f"/api/v1/{path}", {}, content_type="application/json").status_code == 401, path


def test_a_session_is_no_token(browser):
    assert browser.get("/api/v1/runner/work").status_code == 401


def test_a_rotated_token_works_at_once_and_the_old_one_for_an_hour(browser, machine):
    pk = Runner.objects.get().pk
    fresh = Machine(browser.post(f"/api/v1/runners/{pk}/rotate").json()["token"])
    newest = Machine(fresh.post("token").json()["token"])
    for each in (machine, fresh, newest):
        assert each.post("hello", HELLO).status_code == 200
    RunnerToken.objects.update(expires_at=F("expires_at") - timedelta(hours=1, seconds=1))
    assert [each.post("hello", HELLO).status_code for each in (machine, fresh, newest)] == [401, 401, 200]


def test_only_its_owner_rotates_or_revokes_a_runner(machine, voters):
    stranger = Client()
    sign_in(stranger, voters["Bob"])
    pk = Runner.objects.get().pk
    assert stranger.delete(f"/api/v1/runners/{pk}").json()["code"] == "not_the_owner"
    assert stranger.post(f"/api/v1/runners/{pk}/rotate").json()["code"] == "not_the_owner"
    assert machine.post("hello", HELLO).status_code == 200


# --- one at a time ------------------------------------------------------------------------------------------------


def test_a_machine_sees_what_is_to_be_done_and_one_of_two_gets_it(run, machine, other):
    machine.post("hello", HELLO)
    (listed,) = machine.get("work").json()["runs"]
    assert (listed["run"], listed["spec"]) == (run.pk, run.spec_record_id)
    assert listed["proposal"] == run.proposal.record_id
    assert listed["decision"] == run.proposal.decision_record_id
    assignment = machine.claim(run)
    assert assignment["spec"] == run.spec_record.body
    assert (assignment["phase"], assignment["fence"]) == ("train", 1)
    lost = other.post(f"runs/{run.pk}/claim")
    assert (lost.status_code, lost.json()["code"]) == (409, "not_claimable")
    assert other.get("work").json() == {"runs": []}


def test_whoever_lost_the_lease_writes_nothing(run, machine, other, tmp_path, settings):
    fence = machine.claim(run)["fence"]
    artifact = model_in(tmp_path / "model")
    told = machine.upload(run, fence, artifact)
    Run.objects.update(lease_expires_at=just_past())
    heir = other.claim(run)["fence"]
    before = rows()
    path = f"runs/{run.pk}"
    assert machine.post(f"{path}/heartbeat", {"fence": fence}).json() == {"answer": "stale"}
    for refused in (
        machine.post(f"{path}/events", {"fence": fence, "events": [{"event": "step"}]}),
        machine.post(f"{path}/trained", {"fence": fence, "description": told, "isolation": "none"}),
        machine.post(f"{path}/evaluated", {"fence": fence, "report": report(run)}),
        machine.post(f"{path}/fail", {"fence": fence, "code": "crash", "detail": "", "permanent": False}),
        machine.post(f"{path}/stopped", {"fence": fence}),
        machine.put(run, fence, b"late"),
        machine.get(f"{path}/files?fence={fence}"),
        # the fencing number of somebody else opens nothing either
        machine.post(f"{path}/events", {"fence": heir, "events": [{"event": "step"}]}),
        machine.put(run, heir, b"late"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "stale_lease")
    assert rows() == before
    assert files_below(run) == [], "what was staged went with the attempt"


# --- results ------------------------------------------------------------------------------------------------------


def finish(machine, run, fence, told):
    path = f"runs/{run.pk}"
    body = {"fence": fence, "description": told, "isolation": "bubblewrap"}
    made = machine.post(f"{path}/trained", body)
    assert made.status_code == 200, made.content
    again = machine.post(f"{path}/trained", body)
    assert (again.status_code, again.content) == (200, made.content)
    measured = {"fence": fence, "report": report(run)}
    judged = machine.post(f"{path}/evaluated", measured)
    assert judged.status_code == 200, judged.content
    again = machine.post(f"{path}/evaluated", measured)
    assert (again.status_code, again.content) == (200, judged.content)
    return made, judged


def test_a_run_goes_its_whole_way_through_a_machine_and_its_release_verifies(run, machine, tmp_path):
    from models_registry.provenance.verify import TrustRoots, check

    fence = machine.claim(run)["fence"]
    path = f"runs/{run.pk}"
    files = {file["path"]: file for file in machine.get(f"{path}/files?fence={fence}").json()["files"]}
    suite = run.spec_record.body["evaluation"]["suite"]
    assert files[f"inputs/suite/{suite}.jsonl"]["sha256"] == suite
    whole = machine.get(f"{path}/files/inputs/suite/{suite}.jsonl?fence={fence}")
    content = b"".join(whole.streaming_content)
    assert hashlib.sha256(content).hexdigest() == suite
    rest = machine.get(f"{path}/files/inputs/suite/{suite}.jsonl?fence={fence}", Range="bytes=10-")
    assert (rest.status_code, b"".join(rest.streaming_content)) == (206, content[10:])
    assert machine.post(f"{path}/heartbeat", {"fence": fence}).json() == {"answer": "continue"}
    step = {"event": "step", "step": 1, "loss": "1.5"}
    assert machine.post(f"{path}/events", {"fence": fence, "events": [step]}).status_code == 200
    told = machine.upload(run, fence, model_in(tmp_path / "model"))
    _, judged = finish(machine, run, fence, told)
    assert judged.json()["verdict"] == "accepted"
    other = machine.post(f"{path}/trained", {"fence": fence, "description": {**told, "steps": 3}, "isolation": "none"})
    assert (other.status_code, other.json()["code"]) == (409, "already_trained")
    other = machine.post(f"{path}/evaluated", {"fence": fence, "report": {**report(run), "samples": 3}})
    assert (other.status_code, other.json()["code"]) == (409, "already_judged")
    assert not any("uploads" in name for name in files_below(run))
    worker.release(run.pk)
    run.refresh_from_db()
    assert run.run_record.body["isolation"] == "remote: bubblewrap"
    assert run.attempts.get().owner == Runner.objects.get().lease_name
    verified = check(registry.version_folder(run.version), TrustRoots(release_key=run.community.release_key))
    assert verified.ok, verified.to_dict()


def test_an_upload_that_broke_off_is_resumed(run, machine):
    fence = machine.claim(run)["fence"]
    data = bytes(range(256)) * 40
    name = hashlib.sha256(data).hexdigest()
    address = f"/api/v1/runner/runs/{run.pk}/uploads/{name}?fence={fence}"
    assert machine.http.head(address).headers["Upload-Offset"] == "0"
    first = machine.put(run, fence, data[:4_000], name, f"bytes 0-3999/{len(data)}")
    assert (first.status_code, first.json()) == (202, {"received": 4_000})
    assert machine.http.head(address).headers["Upload-Offset"] == "4000"
    rest = machine.put(run, fence, data[4_000:], name, f"bytes 4000-{len(data) - 1}/{len(data)}")
    assert (rest.status_code, rest.json()) == (201, {"received": len(data)})
    again = machine.put(run, fence, data, name)
    assert (again.status_code, again.json()) == (201, {"received": len(data)})


def test_a_stopped_machine_leaves_its_checkpoint_for_the_next_one(run, machine, other, tmp_path):
    fence = machine.claim(run)["fence"]
    files = []
    for name, data in (("state.safetensors", b"weights"), ("state.json", b"{}"), ("trace.jsonl", b"{}\n")):
        assert machine.put(run, fence, data).status_code == 201
        files.append({"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    manifest = {"step": 7, "code_digest": "1" * 64, "environment": {}, "files": files}
    manifest["spec"] = hashlib.sha256(run.spec_record.canonical_body()).hexdigest()
    body = {"fence": fence, "manifest": manifest}
    for _ in range(2):
        assert machine.post(f"runs/{run.pk}/checkpoint", body).status_code == 200
    assert machine.post(f"runs/{run.pk}/stopped", {"fence": fence}).status_code == 200
    assert machine.post(f"runs/{run.pk}/stopped", {"fence": fence}).status_code == 200
    Run.objects.update(lease_expires_at=None, lease_owner="", canceled_at=None)
    heir = other.claim(run)["fence"]
    listed = [file["path"] for file in other.get(f"runs/{run.pk}/files?fence={heir}").json()["files"]]
    assert [path for path in listed if path.startswith("checkpoints/00000007/")] == [
        f"checkpoints/00000007/{name}" for name in ("manifest.json", "state.json", "state.safetensors", "trace.jsonl")
    ]


def test_a_machine_that_gives_a_run_up_keeps_only_itself_away(run, machine, other):
    fence = machine.claim(run)["fence"]
    body = {"fence": fence, "code": "lora_not_applicable", "detail": "no layer", "permanent": True}
    for _ in range(2):
        assert machine.post(f"runs/{run.pk}/fail", body).status_code == 200
    Run.objects.update(retry_at=None)
    assert machine.get("work").json() == {"runs": []}
    assert machine.post(f"runs/{run.pk}/claim").json()["code"] == "given_up"
    other.claim(run)


def test_one_member_cannot_use_up_the_attempts_of_a_run(run, machine, other, voters, community):
    """Silent or failing, with one machine or many: the last attempt is for somebody else."""
    machine.claim(run)
    Run.objects.update(lease_expires_at=just_past())
    fence = other.claim(run)["fence"]
    other.post(f"runs/{run.pk}/fail", {"fence": fence, "code": "crash", "detail": "", "permanent": False})
    Run.objects.update(retry_at=None)
    for each in (machine, other):
        assert each.get("work").json() == {"runs": []}
        assert each.post(f"runs/{run.pk}/claim").json()["code"] == "tried_enough"
    bob = Client()
    sign_in(bob, voters["Bob"])
    Machine(register(bob, "of Bob")["token"]).claim(run)


def test_what_a_lost_machine_staged_is_cleared_away(run, machine, tmp_path):
    fence = machine.claim(run)["fence"]
    machine.upload(run, fence, model_in(tmp_path / "model"))
    assert work.clear_all(clock()) == 0
    assert files_below(run)
    assert work.clear_all(clock() + 2 * work.LEFT_ALONE) == 1
    assert files_below(run) == []


def test_a_site_can_leave_its_runs_to_machines_and_still_publishes(run, machine, settings, tmp_path):
    settings.RUN_HERE = False
    worker.work(run.pk, "a worker of the site")
    assert run.attempts.count() == 0
    fence = machine.claim(run)["fence"]
    finish(machine, run, fence, machine.upload(run, fence, model_in(tmp_path / "model")))
    worker.work(run.pk, "a worker of the site")
    run.refresh_from_db()
    assert run.version.number == 1


def test_a_machine_of_another_community_sees_nothing(run, machine, list_community):
    elsewhere = list_community()
    Runner.objects.update(community=elsewhere.community)
    assert machine.get("work").json() == {"runs": []}
    assert machine.post(f"runs/{run.pk}/claim").json()["code"] == "unknown_run"
    assert machine.get(f"runs/{run.pk}/proof").status_code == 404
    assert Attempt.objects.count() == 0
    assert Version.objects.count() == 1
