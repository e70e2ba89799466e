"""A dataset about health that is kept in France stays there, for runs, trials, spot checks and whoever asks for its rows."""

import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.demo import corpus
from governance.clock import now as clock
from governance.errors import Forbidden, Invalid
from governance.models import Account
from governance.services import Draft, create_draft
from models_registry.datasets import registering
from models_registry.models import Dataset
from tests.integration.conftest import NOON, corpus_rows, pass_
from tests.integration.machines import Machine
from tests.integration.read_once import read_once
from tests.integration.shared_sites import MINUTE, OPERATOR, add_site, allotted, machine_of, request_named, seen
from tests.integration.site_places import LAKE
from training_jobs import services
from training_jobs.commons import allotting, data_rules, requests
from training_jobs.models import Preview, Run, Runner, Site, Slice, SpotCheck
from training_jobs.previews import services as previews
from training_jobs.runners import services as runners
from training_jobs.runners import tokens, trials, work
from training_jobs.sites import services as registered
from training_jobs.spot_checks import services as spot_checks

HEALTH = {"data_kinds": ["health"], "country": "FR"}
CHECKER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()


@pytest.fixture
def said():
    """What is said of the dataset that runs learn from."""
    return HEALTH


@pytest.fixture
def dataset(community, suite, propose, voters, said):
    """A dataset of which this is said, included by a vote."""
    new = registering.NewDataset("pairs", "Pairs", "CC-BY-4.0", "training", "pairs.jsonl", **said)
    stream = io.BytesIO(corpus.jsonl(corpus_rows("training")[::50]))
    with read_once():
        found, _ = registering.register_dataset(community, voters["Alice"].address, new, stream, NOON)
    pass_(propose("dataset_inclusion", {"digest": found.digest}), voters)
    return Dataset.objects.get(pk=found.pk)


@pytest.fixture
def order(update, propose, voters):
    """Order a run; return it, and the moment of it."""

    def ordered():
        lately = clock() - timedelta(hours=3)
        pass_(propose("model_update", update, now=lately), voters)
        run = Run.objects.order_by("-pk").first()
        return run, run.created_at

    return ordered


@pytest.fixture
def sites(community):
    """Let in a site in France that lets only public data out of the country, and one in Germany."""
    lately = clock() - timedelta(hours=4)
    add_site(community, "lake", lately, country="FR", data_out=["public"])
    add_site(community, "hill", lately, country="DE", region="DE")


@pytest.fixture
def abroad(settings):
    """Let the platform's own workers stand at a site in the United States that no community has let in."""
    registered.register(OPERATOR, {**LAKE, "slug": "home", "name": "home", "country": "US", "region": "US"}, clock())
    settings.HOME_SITE, settings.PREVIEWS = "home", True


@pytest.fixture
def draft(community, voters, update):
    """A draft of a training by Alice."""
    wanted = Draft("model_update", "A model update", "Because.", update, {}, "", 1)
    return create_draft(community, voters["Alice"].address, wanted, clock())


@pytest.fixture
def trial(dataset, update, voters):
    """A trial of the dataset that asks for no devices."""
    return Preview.objects.create(
        proposal=dataset.proposal, kind=Preview.TRIAL, plan={"dataset": dataset.digest, "rows": 1},
        requested_by=voters["Alice"].address, spec=update["spec"], spec_digest="a" * 64,
        created_at=clock(), steps_max=1, samples_max=1, seconds_max=60,
    )  # fmt: skip


def another_machine(community, slug, name="checker"):
    """Return a machine of somebody else at a site, with its token; it stands at none where the slug is empty."""
    made = runners.register(community, CHECKER, name, list(tokens.SCOPES), 90, clock())
    Runner.objects.filter(pk=made.runner.pk).update(site=Site.objects.filter(slug=slug).first())
    return Runner.objects.get(pk=made.runner.pk), made.text


def test_what_was_said_is_voted_on_and_kept_in_the_record(dataset, client):
    body = dataset.inclusion_record.body
    assert {name: body[name] for name in HEALTH} == HEALTH
    payload = dataset.proposal.payload
    assert {name: payload[name] for name in HEALTH} == HEALTH
    page = client.get(f"/c/water-commons/proposals/{dataset.proposal.number}/").content.decode()
    assert "about health" in page
    assert "Kept in the country" in page
    shown = client.get(f"/api/v1/datasets/{dataset.digest}").json()
    assert {name: shown[name] for name in HEALTH} == HEALTH
    assert "about health" in client.get(f"/datasets/{dataset.digest}/").content.decode()


def test_a_run_stays_in_the_country_even_when_no_site_there_is_free(sites, order):
    run, now = order()
    name = f"run:{run.pk}"
    assert request_named(name).data == ["health"]
    seen(now, "hill")
    assert allotting.allot(now) == 0, "the site in France is silent"
    seen(now, "lake", "hill")
    assert allotting.allot(now) == 1
    assert allotted(name).site.slug == "lake"
    lease = services.claim(run.pk, machine_of("lake").lease_name, now)
    services.fail(lease, "trainer_died", "", now, permanent=False)
    later = now + timedelta(hours=1, minutes=5)
    seen(later, "lake", "hill")
    assert allotting.allot(later) == 1
    assert allotted(name).site.slug == "lake", "it is tried there again, and not in Germany"


def test_a_trial_stays_in_the_country_too(sites, trial):
    now = trial.created_at
    requests.of_preview(trial, now)
    seen(now, "lake", "hill")
    assert data_rules.closed_to([trial.request], Site.objects.all()) == {trial.request.pk: {"hill"}}
    assert allotting.allot(now) == 1
    assert allotted(trial.request.name).site.slug == "lake"


def test_a_machine_gets_no_trial_whose_rows_it_may_not_have_and_uses_up_no_attempt(sites, trial, community, settings):
    settings.TRIALS_BY_MEMBERS = True
    for slug in ("hill", ""):
        runner, token = another_machine(community, slug, f"at {slug}")
        assert trials.open_to(runner, clock()) == []
        refused = Machine(token).post(f"trials/{trial.pk}/claim")
        assert (refused.status_code, refused.json()["code"]) == (403, "data_may_not_leave"), refused.content
        assert previews.claim(trial.pk, runner.lease_name, clock()) is None
        trial.refresh_from_db()
        assert trial.fence == 0
    assert trials.open_to(another_machine(community, "lake")[0], clock()) == [trial]


def test_the_platform_previews_nothing_at_a_site_that_may_not_have_the_rows(sites, abroad, draft, voters, settings):
    alice = voters["Alice"].address
    with pytest.raises(Forbidden, match="data_may_not_leave") as refused:
        previews.order(draft.pk, alice, clock())
    assert (refused.value.found, refused.value.allowed) == (["health"], "FR")
    assert not Preview.objects.exists()
    client = Client()
    client.force_login(Account.objects.get_or_create(address=alice)[0])
    page = client.post(f"/c/water-commons/proposals/{draft.number}/preview/")
    assert page.status_code == 403
    assert "rows that are kept in FR, and a site there lets none of these kinds out" in page.content.decode()
    settings.HOME_SITE = ""
    preview = previews.order(draft.pk, alice, clock())
    assert previews.due(clock()) == [preview.pk], "at no site: the rows lie there already"
    settings.HOME_SITE = "home"
    assert previews.due(clock()) == []
    assert previews.claim(preview.pk, "worker:1", clock()) is None
    Site.objects.filter(slug="home").update(country="FR")
    assert previews.due(clock()) == [preview.pk]
    assert previews.claim(preview.pk, "worker:1", clock()) is not None


def test_a_trial_is_ordered_all_the_same_where_machines_of_members_make_it(
    sites, abroad, update, community, voters, propose, said, settings
):
    new = registering.NewDataset("more", "More", "CC-BY-4.0", "training", "more.jsonl", **said)
    with read_once():
        stream = io.BytesIO(corpus.jsonl(corpus_rows("training")[1::50]))
        found, _ = registering.register_dataset(community, voters["Alice"].address, new, stream, NOON)
    proposal = propose("dataset_inclusion", {"digest": found.digest}, now=clock() - MINUTE)
    settings.TRIALS_BY_MEMBERS = False
    with pytest.raises(Forbidden, match="data_may_not_leave"):
        previews.order(proposal.pk, voters["Alice"].address, clock())
    settings.TRIALS_BY_MEMBERS = True
    trial = previews.order(proposal.pk, voters["Alice"].address, clock())
    assert previews.due(clock()) == []
    seen(clock(), "lake")
    assert allotting.allot(clock()) == 1
    assert allotted(trial.request.name).site.slug == "lake"


def test_the_platform_takes_no_run_older_than_the_sites_whose_rows_may_not_be_where_it_stands(
    order, abroad, community, settings
):
    run, now = order()  # before any site was let in: whoever asks first
    assert services.due(now) == [run.pk]
    add_site(community, "lake", now, country="FR", data_out=[])
    assert services.due(now) == []
    assert not previews.run_waits(now), "it does not keep the platform from other work"
    assert services.claim(run.pk, "worker:1", now) is None
    settings.HOME_SITE = ""
    assert services.due(now) == [run.pk]
    assert services.claim(run.pk, "worker:1", now) is not None


def test_the_rule_of_a_site_that_was_removed_or_left_binds_nobody(sites, order):
    run, now = order()
    request = request_named(f"run:{run.pk}")
    assert data_rules.closed_to([request], Site.objects.all())[request.pk] == {"hill"}
    Site.objects.filter(slug="lake").update(left_at=now)
    assert data_rules.closed_to([request], Site.objects.all())[request.pk] == set()


def test_the_number_of_queries_does_not_grow_with_requests(sites, order, django_assert_num_queries):
    run, now = order()
    again, _ = order()
    seen(now, "lake", "hill")
    joined = ("run__spec_record", "preview__proposal")
    asked = list(type(request_named(f"run:{run.pk}")).objects.select_related(*joined))
    assert {each.run_id for each in asked} == {run.pk, again.pk}
    every = list(Site.objects.all())
    for some in (asked[:1], asked):
        with django_assert_num_queries(2):
            data_rules.closed_to(some, every)


def test_a_slice_is_computed_again_by_the_platform_or_where_the_rows_may_go(sites, abroad, order, community):
    run, now = order()
    seen(now, "lake", "hill")
    allotting.allot(now)
    lease = services.claim(run.pk, machine_of("lake").lease_name, now)
    handed = Slice.objects.create(
        attempt=run.attempts.get(number=lease.fence), site=Site.objects.get(slug="lake"), first_step=0, last_step=3,
        end_digest="b" * 64, claimed={}, handed_at=now, log_size=1, seed="c" * 64,
    )  # fmt: skip
    check = SpotCheck.objects.create(slice=handed, number=1, ordered_at=now, seconds_max=600)
    assert spot_checks.due(now) == [check.pk], "the platform has the rows, wherever its workers stand"
    add_site(community, "alp", now, country="FR")
    for slug in ("hill", ""):
        runner, token = another_machine(community, slug, f"at {slug}")
        assert spot_checks.open_to(runner, now) == []
        assert Machine(token).get("checks").json() == {"checks": []}
        refused = Machine(token).post(f"checks/{check.pk}/claim")
        assert (refused.status_code, refused.json()["code"]) == (403, "data_may_not_leave"), refused.content
        assert spot_checks.claim(check.pk, runner.lease_name, runner, now) is None
    runner, token = another_machine(community, "alp", "at alp")
    assert spot_checks.open_to(runner, now) == [check]
    given = Machine(token).post(f"checks/{check.pk}/claim")
    assert given.status_code == 200, given.content
    Site.objects.filter(slug="alp").update(data_in=["public"])
    late = Machine(token).get(f"checks/{check.pk}/files?fence={given.json()['fence']}")
    assert (late.status_code, late.json()["code"]) == (403, "data_may_not_enter")
    assert (late.json()["found"], late.json()["allowed"]) == (["health"], ["public"])


def test_rows_are_handed_out_to_no_machine_of_a_site_that_may_not_have_them(sites, order, community):
    run, now = order()
    seen(now, "lake", "hill")
    allotting.allot(now)
    runner, token = another_machine(community, "lake")
    lease = services.claim(run.pk, runner.lease_name, now)
    files = f"runs/{run.pk}/files"
    listed = Machine(token).get(f"{files}?fence={lease.fence}")
    assert listed.status_code == 200, listed.content
    rows = next(each["path"] for each in listed.json()["files"] if each["path"].startswith("inputs/datasets/"))
    sent = Machine(token).get(f"{files}/{rows}?fence={lease.fence}")
    assert (sent.status_code, len(b"".join(sent.streaming_content)) > 0) == (200, True)
    Runner.objects.filter(pk=runner.pk).update(site=Site.objects.get(slug="hill"))
    for path in (files, f"{files}/{rows}"):
        refused = Machine(token).get(f"{path}?fence={lease.fence}")
        assert (refused.status_code, refused.json()["code"]) == (403, "data_may_not_leave"), refused.content
        assert (refused.json()["found"], refused.json()["allowed"]) == (["health"], "FR")


def test_a_machine_of_no_site_is_offered_no_older_run_whose_rows_it_may_not_have(order, community):
    run, now = order()  # before any site was let in: whoever asks first
    runner, token = another_machine(community, "")
    assert [offer.run for offer in work.open_runs(runner, now)] == [run]
    add_site(community, "lake", now, country="FR", data_out=[])
    assert work.open_runs(runner, now) == []
    refused = Machine(token).post(f"runs/{run.pk}/claim")
    assert (refused.status_code, refused.json()["code"]) == (403, "data_may_not_leave")


def test_voters_read_which_sites_may_not_have_the_data_and_why(sites, update, propose, client):
    proposal = propose("model_update", update, now=clock() - MINUTE)
    page = client.get(f"/c/water-commons/proposals/{proposal.number}/").content.decode()
    assert "Not hill: rows are kept in FR, and lake lets none of these kinds out: about health." in page
    assert "Not lake" not in page
    assert "No site of the community may have this data" not in page
    Site.objects.filter(slug="lake").update(data_in=["public"])
    page = client.get(f"/c/water-commons/proposals/{proposal.number}/").content.decode()
    assert "Not lake: it lets no data of these kinds in: about health." in page
    assert "No site of the community may have this data" in page


class TestNothingSaid:
    """A dataset of which nobody said anything."""

    @pytest.fixture
    def said(self):
        return {}

    def test_its_record_is_as_before_and_its_kind_unclassified(self, dataset, community):
        assert not HEALTH.keys() & dataset.inclusion_record.body.keys()
        assert not HEALTH.keys() & dataset.proposal.payload.keys()
        assert data_rules.kinds_of(community, [dataset.digest]) == ["unclassified"]

    def test_a_site_with_a_list_has_to_name_it(self, community, order):
        add_site(community, "lake", clock() - timedelta(hours=4), data_in=["public"])
        run, now = order()
        seen(now, "lake")
        assert allotting.allot(now) == 0
        Site.objects.update(data_in=["public", "unclassified"])
        assert allotting.allot(now + MINUTE) == 1
        assert allotted(f"run:{run.pk}").site.slug == "lake"

    def test_a_vote_may_not_say_more_than_who_registered_it(self, suite, community, voters, propose):
        new = registering.NewDataset("other", "Other", "CC-BY-4.0", "training", "other.jsonl")
        with read_once():
            stream = io.BytesIO(corpus.jsonl(corpus_rows("training")[1::50]))
            found, _ = registering.register_dataset(community, voters["Alice"].address, new, stream, NOON)
        with pytest.raises(Invalid, match="dataset_differs"):
            propose("dataset_inclusion", {"digest": found.digest, "data_kinds": ["public"]})


def test_a_form_and_a_request_say_it_and_what_is_wrong_comes_back(community, voters, client):
    client.force_login(Account.objects.get_or_create(address=voters["Alice"].address)[0])
    rows = corpus.jsonl(corpus_rows("training")[2::50])

    def send(path, **values):
        common = {"slug": "rows", "title": "Rows", "license": "CC-BY-4.0", "role": "training"}
        return client.post(path, {**common, **values, "file": SimpleUploadedFile("rows.jsonl", rows)})

    api = "/api/v1/datasets"
    wrong = send(api, community="water-commons", data_kinds="Health Records")
    assert (wrong.status_code, wrong.json()["field"]) == (422, "data_kinds")
    wrong = send(api, community="water-commons", country="France")
    assert wrong.status_code == 400
    wrong = send(api, community="water-commons", country="XX")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "unknown_country")
    add = "/c/water-commons/datasets/add/"
    wrong = send(add, source="file", data_kind=["health"], other_kinds="Notes of Doctors")
    assert wrong.status_code == 422
    assert 'value="health" checked' in wrong.content.decode()
    with read_once():
        made = send(add, source="file", data_kind=["health", "personal"], other_kinds="our-own", country="FR")
    assert made.status_code == 302, made.content
    found = Dataset.objects.get(slug="rows")
    assert (found.data_kinds, found.country) == (["health", "our-own", "personal"], "FR")
    assert Client().get(made["Location"]).status_code == 200
