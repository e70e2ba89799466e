"""Which worker hears of what: trainings and deliveries have queues of their own, on a real broker of files."""

import re
from pathlib import Path

import pytest

from config.celery import app
from config.demo.__main__ import Site, _processes
from frontend.tasks import letter_job
from models_registry.tasks import deliver_job, intake_job, notice_job
from training_jobs.tasks import preview_job, replay_job, run_job

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def messages():
    """Send one message of each kind; return what a worker of a queue gets, until nothing is left."""
    tasks = (run_job, preview_job, replay_job, deliver_job, notice_job, intake_job, letter_job)
    for number, task in enumerate(tasks):
        task.apply_async((number,), retry=False)

    def of(*queues):
        with (
            app.connection_for_read() as connection,
            app.amqp.TaskConsumer(connection.channel(), queues=[app.amqp.queues[name] for name in queues]) as consumer,
        ):
            found = []
            for queue in consumer.queues:
                bound = queue.bind(connection.default_channel)
                while (message := bound.get(no_ack=True)) is not None:
                    found.append(message.headers["task"])
            return sorted(found)

    yield of
    of("training", "deliveries")


def test_a_worker_for_deliveries_hears_of_no_training_and_the_other_way_round(messages):
    heard = ["frontend.letter_job", *(f"models_registry.{name}_job" for name in ("deliver", "intake", "notice"))]
    # minutes of simulation, for which voters wait, are not to stand behind a training of days
    assert messages("deliveries") == [*heard, "training_jobs.replay_job"]
    assert messages("training") == ["training_jobs.preview_job", "training_jobs.run_job"]


def test_a_worker_that_is_told_nothing_serves_both(messages):
    assert set(app.amqp.queues.consume_from) == {"training", "deliveries"}
    assert len(messages(*app.amqp.queues.consume_from)) == 7


def test_every_queue_has_a_worker_in_the_demo_and_in_the_manual():
    environment = {"COMMONWEIGHTS_RELAY_SECRET_FILE": "s", "COMMONWEIGHTS_RELAY_URL": "http://a:1"}
    environment |= {"COMMONWEIGHTS_SERVING_SOCKET": "s", "COMMONWEIGHTS_DATA": "/tmp"}
    commands = _processes(Site("http://127.0.0.1:1", "", environment)).values()
    served = {command[command.index("--queues") + 1] for command in commands if "--queues" in command}
    manual = (REPOSITORY / "docs" / "operations.md").read_text()
    assert served == set(re.findall(r"celery -A config worker [^`]*-Q (\w+)", manual)) == {"training", "deliveries"}
