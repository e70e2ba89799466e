"""What a vote froze is what the records say, whichever version of the parser froze it."""

from datetime import timedelta

import pytest

from governance.clock import now as clock
from models_registry import services as registry
from models_registry.provenance.verify import TrustRoots, check
from tests.integration.conftest import pass_
from training_jobs import worker
from training_jobs.models import Run
from training_jobs.proposal_kinds import ModelUpdate
from training_jobs.spec import from_payload

pytestmark = pytest.mark.usefixtures("every_strategy")


@pytest.fixture
def as_written():
    """Submit a payload without the keys that were left out, as before they existed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelUpdate, "clean", lambda _self, _community, payload: payload)
        yield


def verified(run):
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    return check(registry.version_folder(run.version), TrustRoots(release_key=run.community.release_key))


def test_a_proposal_from_before_the_newer_keys_is_carried_out_word_for_word(
    update, propose, voters, stand_in, as_written
):
    proposal = propose("model_update", update)
    assert "topology" not in proposal.payload["spec"]
    pass_(proposal, voters)
    run = Run.objects.get()
    assert run.spec_record.body == proposal.payload["spec"]
    report = verified(run)
    assert report.ok, report.to_dict()


def test_a_release_of_a_recipe_with_the_newer_keys_verifies(update, propose, voters, stand_in):
    newer = {
        "strategy": "ddp",
        "topology": {"workers": 2},
        "accumulation": 2,
        "batch_size": 1,
        "gradient_clip": "1",
        "datasets": [{**update["spec"]["datasets"][0], "weight": 2}],
        "budget": {"device_seconds": 120, "carbon_grams": 50, "money": {"amount": "1.50", "currency": "EUR"}},
        "deadline_seconds": 86_400,
    }
    lately = clock() - timedelta(minutes=10)  # the deadline counts from the execution, and workers go by the real clock
    proposal = propose("model_update", {"spec": update["spec"] | newer}, now=lately)
    pass_(proposal, voters)
    run = Run.objects.get()
    assert run.spec_record.body == proposal.payload["spec"] == from_payload(proposal.payload["spec"]).to_dict()
    report = verified(run)
    assert report.ok, report.to_dict()
