"""The API against its own OpenAPI document, with generated requests: no 5xx, and nothing that is not written down.

Each operation gets the same number of examples, once as a stranger and once signed in, half of them valid and half not;
what comes back must have a documented status, media type and form. The examples are the same at every run.
"""

import sys

import pytest
import schemathesis
import yaml
from django.conf import settings as project
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.wsgi import application
from governance.models import Account

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TOKEN = "c" * 32
bounded = examples(
    max_examples=8,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def operations(propose, settings):
    """Every operation of the schema that the site serves, with the site and one proposal behind it."""
    settings.ALLOWED_HOSTS, settings.PASSKEY_ORIGIN = ["localhost"], "http://localhost"
    propose()
    # The test's own transaction must outlive the requests.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    config = SchemathesisConfig.from_dict({"seed": 7})
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application, config=config)
    yield [result.ok() for result in schema.get_all_operations()]
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def modes_of(operation):
    """Return which examples there are: where all that is sent are texts in the path, nothing is invalid."""
    texts = all(one.definition.get("schema") == {"type": "string"} for one in operation.path_parameters)
    if texts and not list(operation.query) and not list(operation.body):
        return [GenerationMode.POSITIVE]
    return list(GenerationMode)


def wrong_answers(operations, **session):
    """Send the examples; return what was answered wrongly, by operation."""
    found = {}
    for operation in operations:
        for mode in modes_of(operation):

            @bounded
            @given(case=operation.as_strategy(generation_mode=mode))
            def send(case):
                headers = {**session.get("headers", {}), "Accept-Encoding": "identity"}  # this client unpacks nothing
                case.call_and_validate(checks=CHECKS, **session | {"headers": headers})

            try:
                send()
            except BaseExceptionGroup as failures:
                found[f"{operation.method.upper()} {operation.path} {mode.value}"] = failures
    return "\n".join(f"{name}: {failure}" for name, group in found.items() for failure in group.exceptions)


def test_a_stranger_gets_only_documented_answers(operations):
    assert wrong_answers(operations) == ""


def test_somebody_signed_in_gets_only_documented_answers(operations):
    client = Client()
    client.force_login(Account.objects.get_or_create(address="0x" + "11" * 20)[0])
    cookies = {project.SESSION_COOKIE_NAME: client.session.session_key, project.CSRF_COOKIE_NAME: TOKEN}
    assert wrong_answers(operations, cookies=cookies, headers={"X-CSRFToken": TOKEN}) == ""


def test_the_document_is_the_same_in_both_forms_and_is_made_once(monkeypatch):
    def answer(path, **headers):
        return Client().get(f"/api/schema/{path}", headers=headers)

    first = answer("?format=json")
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    written = [answer(""), answer("?format=yaml"), answer("", accept="application/yaml")]
    assert first.json()["paths"]["/api/v1/proposals"]["get"]["responses"]["200"]
    assert [yaml.load(one.content, yaml.CSafeLoader) for one in written] == [first.json()] * 3
    assert {one["Content-Disposition"] for one in written} == {'inline; filename="Commonweights.yaml"'}
    assert (answer("?format=xml").status_code, answer("", accept="text/css").status_code) == (404, 406)
