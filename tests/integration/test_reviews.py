"""Rules that ask people: a measured run waits for reviewers, goes on by itself, and never passes without them."""

import shutil
from datetime import timedelta
from typing import Any

import pytest

from config import sweeper
from governance.clock import now as clock
from governance.clock import unix
from governance.eip712 import SignatureError
from governance.errors import Conflict, Invalid, Refusal
from governance.models import Event
from governance.wallets.asking import Asked
from models_registry import services as registry
from models_registry.duties.tasks import DAY_SECONDS, NOTHING, OBJECTS
from models_registry.models import Version
from models_registry.provenance.verify import TrustRoots, check
from tests.integration.machines import description
from tests.integration.reviews_story import DUTY, RULE, Reviewed, lend, measured, told_reviews, valley, work
from tests.simulators import tiny_model
from training_jobs import services, worker
from training_jobs.folders import attempt_folder
from training_jobs.lifecycle import State
from training_jobs.models import Attested, Run
from training_jobs.reviews import fsck as reviews_fsck
from training_jobs.reviews import selectors
from training_jobs.reviews import services as reviews
from training_jobs.runners import uploads
from training_jobs.runners import work as lent

__all__ = ["told_reviews", "valley"]

MINUTE = timedelta(minutes=1)
SLUG = str(RULE["slug"])


def attest(
    valley: Reviewed, run: Run, name: str, finding: str = NOTHING, reason: str = "", now: Any = None, slug: str = SLUG
) -> Run:
    """Let somebody ask for the message, sign it with their wallet, and hand it in."""
    moment = now or valley.now + MINUTE
    reviewer = valley.commons.wallet(name)
    said = {"reviewer": reviewer.address, "finding": finding, "reason": reason}
    message = reviews.offer(run.pk, slug, said, moment)
    signed = {**said, "at": message["message"]["at"]}
    return reviews.attest(run.pk, slug, signed, reviewer.sign(message), moment)


def changed(valley: Reviewed, **changes: Any) -> None:
    """Let the community change the duty; names that a duty has change in it."""
    duty = {**DUTY, **{name: value for name, value in changes.items() if name in DUTY}}
    rest = {name: value for name, value in changes.items() if name not in DUTY}
    valley.passed("rule_change", {"rule": {**RULE, **rest, "duty": duty}})


def reasons(run: Run) -> dict[str, dict[str, Any]]:
    run.refresh_from_db()
    return {reason["rule"]: reason for reason in run.evaluation_record.body["verdict"]["reasons"]}


# --- the way through ----------------------------------------------------------------------------------------------


def test_a_run_waits_for_reviewers_and_is_released_as_soon_as_they_have_signed(valley: Reviewed, client: Any) -> None:
    run = work(valley.run(), valley.now)
    assert (run.state(valley.now), run.verdict, run.lease_owner) == (State.REVIEWING, "", "")
    worker.release(run.pk)
    assert run.pk not in services.due(valley.now), "nobody works on it, and nothing of it is published"
    attest(valley, run, "Bob")
    run = attest(valley, run, "Chloé", reason="In both languages.")
    assert run.verdict == "accepted"
    assert reasons(run)[SLUG]["found"] == "2 without an objection, 0 with one"
    assert run.pk in services.due(valley.now)
    worker.release(run.pk)
    run.refresh_from_db()
    folder = registry.version_folder(run.version)
    report = check(folder, TrustRoots(release_key=run.community.release_key))
    assert report.ok, report.to_dict()
    body = run.evaluation_record.body["review"]
    assert {said["reviewer"] for said in body["attestations"]} == {valley.address("Bob"), valley.address("Chloé")}
    assert valley.address("Bob") in (folder / "README.md").read_text()
    assert [event.kind for event in Event.objects.filter(kind__in=["review_opened", "attested"]).order_by("pk")] == [
        "review_opened", "attested", "attested",
    ]  # fmt: skip


def test_a_reviewer_with_a_contract_wallet_attests_as_it_says_and_no_second_look_is_taken(
    valley: Reviewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the wallet says is told here by a stand-in; test_contract_wallets asks real ones."""
    run, looked = work(valley.run(), valley.now), []

    def stands_by(_chain: Any, wallet: str, digest: bytes, signature: str) -> Asked:
        looked.append((wallet, digest))
        if signature != "0x":
            raise Invalid("wallet_refuses", "the wallet does not stand by this signature")
        return Asked("erc1271", 7, "0x" + "ab" * 32)

    said = {"reviewer": valley.address("Bob"), "finding": NOTHING, "reason": ""}
    said["at"] = reviews.offer(run.pk, SLUG, said, valley.now + MINUTE)["message"]["at"]
    with pytest.raises(SignatureError):  # where power is read from no chain, nobody is asked
        reviews.attest(run.pk, SLUG, said, "0x", valley.now + MINUTE)
    monkeypatch.setattr("governance.wallets.checking.asks_wallets", lambda _proposal: True)
    monkeypatch.setattr("governance.wallets.checking.stands_by", stands_by)
    with pytest.raises(Invalid, match="wallet_refuses"):
        reviews.attest(run.pk, SLUG, said, "0x00", valley.now + MINUTE)
    for _ in range(2):
        reviews.attest(run.pk, SLUG, said, "0x", valley.now + MINUTE)
    assert len(looked) == 2
    attest(valley, run, "Chloé")
    run.refresh_from_db()
    wallets = [each.get("wallet") for each in run.evaluation_record.body["review"]["attestations"]]
    assert sorted(wallets, key=bool) == [None, Asked("erc1271", 7, "0x" + "ab" * 32).to_body()]
    assert not list(reviews_fsck.check_one(run.community))


def test_the_time_runs_out_and_the_rule_refuses_without_anybody_doing_anything(valley: Reviewed) -> None:
    run = work(valley.run(), valley.now)
    attest(valley, run, "Bob")
    assert run.reviewing_since is not None
    over = run.reviewing_since + timedelta(seconds=DUTY["days"] * DAY_SECONDS)
    assert reviews.settle(over - timedelta(seconds=1)) == []
    with pytest.raises(Refusal) as late:
        attest(valley, run, "Chloé", now=over)
    assert late.value.code == "review_over", "also before a sweep has come by"
    assert reviews.settle(over) == [run.pk]
    assert reviews.settle(over) == [], "safe to repeat"
    run.refresh_from_db()
    assert (run.verdict, run.state(over)) == ("rejected", State.REJECTED)
    reason = reasons(run)[SLUG]
    assert (reason["found"], reason["needed"]) == (
        "1 without an objection, 0 with one", "2 without an objection, at most 0 with one",
    )  # fmt: skip
    assert not Version.objects.filter(number=1).exists()


def test_an_objection_more_than_the_rule_bears_refuses_at_once_with_its_reason(valley: Reviewed) -> None:
    changed(valley, objections=1)
    run = work(valley.run(), valley.now)
    attest(valley, run, "Bob", OBJECTS, "It insults the miller.")
    run.refresh_from_db()
    assert run.state(valley.now) is State.REVIEWING, "one is borne"
    run = attest(valley, run, "Chloé", OBJECTS, "So it does.")
    assert run.verdict == "rejected"
    said = run.evaluation_record.body["review"]["attestations"]
    assert {each["reason"] for each in said} == {"It insults the miller.", "So it does."}


def test_a_duty_that_warns_marks_the_release_and_does_not_stop_it(valley: Reviewed) -> None:
    changed(valley, severity="warn", days=1)
    run = work(valley.run(), valley.now)
    assert run.state(valley.now) is State.REVIEWING, "else nobody could ever do it"
    assert run.reviewing_since is not None
    assert reviews.settle(run.reviewing_since + timedelta(days=1)) == [run.pk]
    assert reasons(run)[SLUG]["holds"] is False
    assert run.verdict == "accepted"
    worker.release(run.pk)
    run.refresh_from_db()
    assert check(registry.version_folder(run.version), TrustRoots(release_key=run.community.release_key)).ok


def test_nobody_is_asked_where_a_gate_rejects_the_result_anyway(valley: Reviewed) -> None:
    run = work(valley.run(), valley.now, right=2)
    assert run.verdict == "rejected"
    found = reasons(run)
    assert (found["right"]["holds"], found[SLUG]["found"]) == (False, "nobody was asked")


def test_too_few_samples_refuse_and_never_pass(valley: Reviewed) -> None:
    run = work(valley.run(), valley.now, right=2, samples=3)
    assert run.verdict == "rejected"
    assert reasons(run)[SLUG]["found"] == "3 samples, 4 are to be read"


def test_samples_that_were_not_handed_in_are_asked_for_and_nothing_is_written(valley: Reviewed) -> None:
    run = valley.run()
    with pytest.raises(Conflict, match="samples_not_kept"):
        work(run, valley.now, right=7, keep=False)
    run.refresh_from_db()
    assert (run.reviewing_since, run.report, run.evaluation_record) == (None, None, None)
    assert run.lease_owner, "the attempt goes on, and can say it again with its samples"


def test_a_duty_to_read_the_report_draws_no_samples(valley: Reviewed) -> None:
    changed(valley, task="read_report", samples=0, people=1)
    run = work(valley.run(), valley.now, right=6, keep=False)
    (asked,) = selectors.review(run.pk, valley.now).duties
    assert asked.what.lines == ()
    assert attest(valley, run, "Daouda").verdict == "accepted"


def test_a_duty_whose_sunset_has_come_asks_nobody(valley: Reviewed) -> None:
    changed(valley, sunset=unix(clock()) + 1)
    valley.now = max(valley.now, clock()) + timedelta(minutes=10)
    run = work(valley.run(), valley.now)
    assert run.verdict == "accepted"
    assert reasons(run)[SLUG]["binds"] is False


# --- coming twice, crashing, racing -------------------------------------------------------------------------------


def test_a_report_said_twice_asks_once_and_a_later_worker_gets_nothing(valley: Reviewed) -> None:
    run = valley.run()
    work(run, valley.now)
    lease = services.Lease(run.pk, 1)
    again = services.judge(lease, measured(run)[0], valley.now + MINUTE)
    assert (again.reviewing_since, again.attempts.count()) == (Run.objects.get(pk=run.pk).reviewing_since, 1)
    assert services.claim(run.pk, "another", valley.now + timedelta(days=3)) is None
    assert services.heartbeat(lease, valley.now + MINUTE) == "stale"
    assert Event.objects.filter(kind="review_opened").count() == 1


def test_a_lent_machine_whose_answer_was_lost_may_report_again_and_nothing_else(valley: Reviewed) -> None:
    run, machine = valley.run(), lend(valley, "Hugo")
    lease = services.claim(run.pk, machine.lease_name, valley.now)
    assert lease is not None
    folder = attempt_folder(run.pk, lease.fence)
    services.trained(lease, description(tiny_model.write(folder / "artifact")), "none", valley.now)
    report, path = measured(run, right=5)
    (folder / uploads.UPLOADS).mkdir()
    shutil.copyfile(path, folder / uploads.UPLOADS / report["samples_sha256"])
    first = lent.evaluated(machine, run.pk, lease.fence, report, valley.now + MINUTE)
    again = lent.evaluated(machine, run.pk, lease.fence, report, valley.now + 2 * MINUTE)
    assert (first.verdict, again.reviewing_since) == ("", valley.now + MINUTE)
    with pytest.raises(Conflict, match="already_judged"):
        lent.evaluated(machine, run.pk, lease.fence, measured(run, right=6)[0], valley.now + 2 * MINUTE)
    assert selectors.samples_of(selectors.review(run.pk, valley.now).duties[0]), "its samples are kept"


def test_an_attestation_said_twice_changes_nothing_and_another_one_of_the_same_person_is_refused(
    valley: Reviewed,
) -> None:
    run = work(valley.run(), valley.now)
    attest(valley, run, "Bob")
    row = Attested.objects.get()
    said = {"reviewer": row.reviewer, "finding": row.finding, "reason": row.reason, "at": row.at}
    reviews.attest(run.pk, SLUG, said, row.signature, valley.now + 2 * MINUTE)
    assert Attested.objects.count() == 1
    with pytest.raises(Conflict, match="already_attested"):
        reviews.attest(run.pk, SLUG, {**said, "finding": OBJECTS, "reason": "No."}, row.signature, valley.now + MINUTE)
    attest(valley, run, "Chloé")
    reviews.attest(run.pk, SLUG, said, row.signature, valley.now + 2 * MINUTE)  # its answer came late


def test_what_nobody_concluded_is_concluded_by_a_sweep(valley: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process had died between the last attestation and the verdict, in a database without transactions."""
    run = work(valley.run(), valley.now)
    attest(valley, run, "Bob")
    with monkeypatch.context() as patched:
        patched.setattr(reviews, "_conclude_if_over", lambda _run, _now: False)
        attest(valley, run, "Chloé")
    assert sweeper.settle() == 1
    run.refresh_from_db()
    assert run.verdict == "accepted"


def test_the_author_can_cancel_a_run_that_waits_and_then_nobody_can_attest(valley: Reviewed) -> None:
    run = work(valley.run(), valley.now)
    services.cancel(run.pk, valley.address("Alice"), valley.now + MINUTE)
    with pytest.raises(Conflict, match="not_reviewing"):
        attest(valley, run, "Bob", now=valley.now + 2 * MINUTE)
    assert reviews.settle(valley.now + timedelta(days=30)) == []
    run.refresh_from_db()
    assert (run.verdict, run.state(valley.now)) == ("", State.CANCELED)


def test_the_deadline_of_a_training_does_not_end_a_review(valley: Reviewed) -> None:
    run = work(valley.run(), valley.now)
    Run.objects.filter(pk=run.pk).update(deadline_at=valley.now + MINUTE)
    assert services.settle(valley.now + timedelta(hours=2)) == []
    assert attest(valley, run, "Bob", now=valley.now + timedelta(hours=2)).failed_at is None


# --- who may ------------------------------------------------------------------------------------------------------


def test_neither_author_nor_executor_nor_who_had_no_power_may_review(valley: Reviewed) -> None:
    machine = lend(valley, "Hugo")
    run = work(valley.run(), valley.now, owner=machine.lease_name)
    for name, code in (("Alice", "own_proposal"), ("Hugo", "own_run"), ("Emma", "no_voting_power")):
        with pytest.raises(Refusal) as refused:
            attest(valley, run, name)
        assert refused.value.code == code
    attest(valley, run, "Bob")
    run = attest(valley, run, "Daouda")
    assert run.evaluation_record.body["review"]["executors"] == [valley.address("Hugo")]


def test_everybody_of_whom_a_machine_had_a_part_is_an_executor(valley: Reviewed) -> None:
    run, machine = valley.run(), lend(valley, "Chloé")
    lease = services.claim(run.pk, machine.lease_name, valley.now)
    assert lease is not None
    services.fail(lease, "out_of_memory", "", valley.now, permanent=False)
    run = work(run, valley.now + MINUTE)
    with pytest.raises(Refusal) as refused:
        attest(valley, run, "Chloé", now=valley.now + 2 * MINUTE)
    assert refused.value.code == "own_run"


# what is handed in otherwise than it was signed, and the code of the refusal
BAD: list[tuple[str, dict[str, Any]]] = [
    ("unknown_finding", {"finding": "fine"}),
    ("malformed_field", {"finding": ""}),
    ("malformed_field", {"finding": None}),
    ("length_out_of_range", {"finding": OBJECTS, "reason": ""}),
    ("length_out_of_range", {"reason": "x" * 1_001}),
    ("length_out_of_range", {"reason": " ends with a space "}),
    ("forbidden_character", {"finding": OBJECTS, "reason": "a\x00b"}),
    ("attested_at_wrong", {"at": 5}),
    ("attested_at_wrong", {"at": -1}),
    ("attested_at_wrong", {"at": 2**80}),
    ("malformed_field", {"at": "now"}),
    ("malformed_field", {"at": True}),
    ("signature_invalid", {"signature": "0x" + "11" * 64 + "1b"}),
    ("malformed_field", {"signature": "0x00"}),
    ("signature_not_canonical", {"signature": "0X" + "11" * 64 + "1b"}),
    ("signature_invalid", {"reason": "Another one than was signed."}),
    ("signature_invalid", {"finding": OBJECTS, "reason": "Turned round."}),
    ("signature_invalid", {"reviewer": "Chloé"}),
    ("own_proposal", {"reviewer": "Alice"}),
    ("address_checksum", {"reviewer": "0x" + "aB" * 20}),
    ("malformed_field", {"reviewer": "nobody"}),
    ("unknown_duty", {"rule": "right"}),
    ("unknown_duty", {"rule": "no-such-rule"}),
    ("malformed_field", {"rule": ""}),
    ("unknown_field", {"weight": 3}),
]


def test_what_was_not_signed_in_exactly_this_way_is_refused_and_leaves_nothing(valley: Reviewed, client: Any) -> None:
    run, bob = work(valley.run(), valley.now), valley.commons.wallet("Bob")
    said = {"rule": SLUG, "reviewer": bob.address, "finding": NOTHING, "reason": ""}
    path = f"/api/v1/runs/{run.pk}/review"
    offer = client.post(f"{path}/message", said, content_type="application/json").json()
    signed = {**said, "at": offer["typed_data"]["message"]["at"], "signature": bob.sign(offer["typed_data"])}
    found = []
    for _code, changes in BAD:
        body = {**signed, **changes}
        if body["reviewer"] in valley.commons.members:
            body["reviewer"] = valley.address(body["reviewer"])
        answer = client.post(f"{path}/attestations", body, content_type="application/json")
        found.append((answer.json()["code"], changes))
        assert 400 <= answer.status_code < 500
        assert not Attested.objects.exists(), changes
    assert found == BAD
    assert client.post(f"{path}/attestations", signed, content_type="application/json").status_code == 200
    assert Attested.objects.count() == 1


def test_a_signature_for_another_run_is_worth_nothing_here(valley: Reviewed) -> None:
    bob = valley.commons.wallet("Bob")
    first, second = work(valley.run(), valley.now), work(valley.run(), valley.now, right=7)
    said = {"reviewer": bob.address, "finding": NOTHING, "reason": ""}
    message = reviews.offer(first.pk, SLUG, said, valley.now + MINUTE)
    signed = {**said, "at": message["message"]["at"]}
    with pytest.raises(Exception, match="signature_invalid"):
        reviews.attest(second.pk, SLUG, signed, bob.sign(message), valley.now + MINUTE)
