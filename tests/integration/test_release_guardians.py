"""Keys that a vote puts in force: guardians sign a release before it is published; rotated and revoked keys."""

import base64
import json
from pathlib import Path

import pytest
from django.test import Client

from governance import keys as key_files
from governance.errors import Conflict, Invalid
from governance.evidence.signing import FileSigner, fingerprint, generate_key
from governance.models import Event
from models_registry import release_keys
from models_registry import services as registry
from models_registry.models import Publication, ReleaseKeys, ReleaseSignature, Version, WaitingRelease
from models_registry.provenance.__main__ import main
from models_registry.provenance.verify import TrustRoots, check
from tests.integration.conftest import pass_
from tests.integration.test_runs import accepted, refusals  # noqa: F401 - a fixture
from training_jobs import worker

NAMES = ("Amina", "Bruno", "Clara")


@pytest.fixture
def guardians(tmp_path):
    """Keys of three guardians, made by their command: name → file."""
    made = {}
    for name in NAMES:
        made[name] = tmp_path / f"{name}.key"
        assert main(["make-key", str(made[name])]) == 0
    return made


def body(community, guardians, threshold=2, release_key=None, revoked=()):
    return {
        "guardians": [
            {"name": name, "public_key": FileSigner(path).public_key_hex} for name, path in guardians.items()
        ],
        "release_key": {"algorithm": "ed25519", "public_key": release_key or community.release_key},
        "revoked": [{"public_key": key, "reason": "the laptop was stolen"} for key in revoked],
        "threshold": threshold,
    }


@pytest.fixture
def adopt(community, propose, voters):
    """Let a vote put keys in force."""

    def adopted(keys):
        pass_(propose("release_keys", {"keys": keys}), voters)
        return release_keys.keys_in_force(community)

    return adopted


@pytest.fixture
def waiting(accepted, adopt, guardians):  # noqa: F811 - the fixture
    """A release that was made and waits for two of three guardians."""
    adopt(body(accepted.community, guardians))
    worker.release(accepted.pk)
    return release_keys.waiting_of(accepted.community)[0]


def handed_in(waiting, key, tmp_path, capsys):
    """Do what a guardian does: take the payload, sign it with the command, hand in what it prints."""
    client, address = Client(), f"/api/v1/waiting-releases/{waiting.release.release_record_id}"
    payload = tmp_path / "payload.json"
    payload.write_bytes(client.get(f"{address}/payload").content)
    capsys.readouterr()
    assert main(["sign", str(payload), "--key", str(key), "--expect", waiting.payload_sha256]) == 0
    return client.post(f"{address}/signatures", capsys.readouterr().out, content_type="application/json")


def test_a_release_waits_for_guardians_and_is_published_with_enough(accepted, waiting, guardians, tmp_path, capsys):  # noqa: F811
    assert [refusal["code"] for refusal in refusals(accepted)] == ["signatures_missing"]
    assert not Version.objects.filter(number=1).exists()
    assert (waiting.threshold, waiting.signed, waiting.missing) == (2, 0, 2)

    first = handed_in(waiting, guardians["Amina"], tmp_path, capsys)
    assert (first.status_code, first.json()["missing"]) == (201, 1)
    again = handed_in(waiting, guardians["Amina"], tmp_path, capsys)
    assert (again.status_code, again.json()["missing"]) == (200, 1)
    worker.release(accepted.pk)
    assert not Version.objects.filter(number=1).exists()
    assert handed_in(waiting, guardians["Clara"], tmp_path, capsys).json()["missing"] == 0

    worker.work(accepted.pk)
    accepted.refresh_from_db()
    folder = registry.version_folder(accepted.version)
    report = check(folder, TrustRoots(release_key=accepted.community.release_key))
    assert report.ok, report.to_dict()
    assert "2 of 3 guardians signed" in report.findings[9].evidence
    assert release_keys.waiting_of(accepted.community) == []
    events = Event.objects.filter(kind="release_signed").order_by("pk").values_list("data", flat=True)
    assert [(event["guardian"], event["signed"]) for event in events] == [("Amina", 1), ("Clara", 2)]
    assert handed_in(waiting, guardians["Bruno"], tmp_path, capsys).json()["code"] == "already_released"


def test_a_release_that_waits_is_made_once_and_asks_for_the_same_bytes(accepted, waiting, monkeypatch):  # noqa: F811
    before = bytes(waiting.release.payload)
    with monkeypatch.context() as patched:
        # Asked every few seconds while it waits: it must not copy and hash the weights each time.
        patched.setattr(registry, "_stage", lambda: pytest.fail("staged again"))
        worker.release(accepted.pk)
        worker.release(accepted.pk)
    assert [refusal["code"] for refusal in refusals(accepted)] == ["signatures_missing"], "said once"
    monkeypatch.setattr(release_keys, "blocking", lambda *_: None)
    worker.release(accepted.pk)
    assert bytes(WaitingRelease.objects.get().payload) == before
    assert Publication.objects.count() == 0


def test_attack_signatures_of_strangers_of_other_bytes_and_of_no_form(waiting, guardians, tmp_path):
    address = f"/api/v1/waiting-releases/{waiting.release.release_record_id}"
    client = Client()
    to_sign = base64.b64decode(client.get(address).json()["to_sign"])
    amina, stranger = FileSigner(guardians["Amina"]), tmp_path / "stranger.key"
    generate_key(stranger)

    def answered(signer, data, **changes):
        sent = {"public_key": signer.public_key_hex, "signature": signer.sign(data).hex(), **changes}
        answer = client.post(f"{address}/signatures", sent, content_type="application/json")
        return answer.status_code, answer.json()["code"]

    assert answered(FileSigner(stranger), to_sign) == (403, "not_a_release_guardian")
    assert answered(amina, bytes(waiting.release.payload)) == (422, "signature_wrong"), (
        "the payload is not what is signed"
    )
    assert answered(amina, to_sign + b" ") == (422, "signature_wrong")
    for wrong in ("", "AB" * 64, "ab" * 63, "zz" * 64, 5, None, "ab" * 64 + "\n"):
        status, _ = answered(amina, to_sign, signature=wrong)
        assert status in {400, 422}
    assert client.get("/api/v1/waiting-releases/" + "ab" * 32).status_code == 404
    assert client.get("/api/v1/waiting-releases/xyz").status_code == 400
    assert client.get("/api/v1/waiting-releases").status_code == 404
    assert client.get("/api/v1/waiting-releases?community=water-commons").json()[0]["missing"] == 2
    assert not ReleaseSignature.objects.filter(public_key=amina.public_key_hex).exists()


def test_the_page_of_the_run_shows_who_has_signed_and_takes_a_signature(accepted, waiting, guardians, tmp_path, capsys):  # noqa: F811
    payload = tmp_path / "payload.json"
    payload.write_bytes(bytes(waiting.release.payload))
    capsys.readouterr()
    assert main(["sign", str(payload), "--key", str(guardians["Bruno"])]) == 0
    printed = capsys.readouterr()
    assert "model.safetensors" in printed.err, "a guardian sees what is signed"
    page = f"/runs/{accepted.pk}/"
    client = Client()
    shown = client.get(page)
    assert waiting.payload_sha256 in shown.content.decode()
    assert client.post(f"{page}sign/", {"signature": printed.out}).status_code == 302
    rules = client.get("/c/water-commons/rules/").content.decode()
    assert "2 of 3 must sign each release" in rules
    assert all(fingerprint(FileSigner(path).public_key_hex) in rules for path in guardians.values())
    found = client.get("/api/v1/release-keys?community=water-commons").json()
    assert (found["keys"]["threshold"], found["proposal"]) == (2, ReleaseKeys.objects.get().proposal.public_id)
    assert "1 of 3 guardians have signed" in client.get(page).content.decode()
    assert client.post(f"{page}sign/", {"signature": "no"}).status_code == 400


def test_the_command_signs_nothing_but_a_statement_with_the_expected_digest(guardians, waiting, tmp_path, capsys):
    payload, key = tmp_path / "payload.json", str(guardians["Amina"])
    payload.write_bytes(bytes(waiting.release.payload))
    for file, more in ((payload, ["--expect", "ab" * 32]), (tmp_path / "nowhere", []), (Path(key), [])):
        assert main(["sign", str(file), "--key", key, *more]) == 2
    payload.write_bytes(bytes(waiting.release.payload) + b"\n")
    assert main(["sign", str(payload), "--key", key]) == 2
    assert main(["make-key", key]) == 2, "a key is never overwritten"
    assert capsys.readouterr().out.count("signature") == 0


def test_a_rotated_key_signs_the_next_release_and_the_revoked_one_is_refused(accepted, adopt):  # noqa: F811
    community = accepted.community
    new = key_files.new_release_key(community.slug)
    keys = adopt(body(community, {}, 0, new, [community.release_key]))
    worker.release(accepted.pk)
    accepted.refresh_from_db()

    folder = registry.version_folder(accepted.version)
    assert check(folder, TrustRoots(release_key=new)).ok
    assert check(folder, TrustRoots(release_key=community.release_key)).ok, "the founding key still names the community"
    assert accepted.version.release_record.value.parents.count(keys.record_id) == 1
    signature = json.loads((folder / "provenance" / "statement.json").read_bytes())["signatures"][0]
    assert signature["keyid"] == fingerprint(new)
    event = Event.objects.get(kind="release_keys_adopted")
    assert event.data["revoked"] == [fingerprint(community.release_key)]


def test_attack_operator_who_signs_with_the_revoked_key_publishes_nothing(accepted, adopt, monkeypatch):  # noqa: F811
    community = accepted.community
    adopt(body(community, {}, 0, key_files.new_release_key(community.slug), [community.release_key]))
    monkeypatch.setattr(release_keys, "release_signer", lambda slug, _key: FileSigner(key_files.release_key_path(slug)))
    worker.release(accepted.pk)
    assert [refusal["code"] for refusal in refusals(accepted)] == ["release_does_not_verify"]
    assert not Version.objects.filter(number=1).exists()


def test_a_vote_on_keys_while_a_release_waits_has_it_made_anew(accepted, waiting, adopt, guardians, tmp_path, capsys):  # noqa: F811
    assert handed_in(waiting, guardians["Amina"], tmp_path, capsys).status_code == 201
    adopt(body(accepted.community, guardians, 1))
    late = handed_in(waiting, guardians["Bruno"], tmp_path, capsys)
    assert (late.status_code, late.json()["code"]) == (409, "keys_replaced")
    worker.release(accepted.pk)
    anew = release_keys.waiting_of(accepted.community)
    assert [each.signed for each in anew] == [0], "what was signed before is signed for another release"
    assert handed_in(anew[0], guardians["Clara"], tmp_path, capsys).json()["missing"] == 0
    worker.release(accepted.pk)
    accepted.refresh_from_db()
    assert accepted.version.number == 1


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 4},
        {"threshold": "2"},
        {"threshold": -1},
        {"release_key": {"algorithm": "rsa", "public_key": "ab" * 32}},
        {"release_key": {"algorithm": "ed25519", "public_key": "00" * 32}},
        {"guardians": [{"name": "", "public_key": "ab" * 32}] * 3},
        {"guardians": "Amina"},
        {"revoked": [{"public_key": "ab" * 32}]},
        {"more": 1},
    ],
)
def test_keys_that_no_release_could_rest_on_cannot_be_proposed(community, propose, guardians, change):
    with pytest.raises(Invalid) as refused:
        propose("release_keys", {"keys": {**body(community, guardians), **change}})
    assert refused.value.code in {"keys_invalid", "length_out_of_range"}
    assert not ReleaseKeys.objects.exists()


def test_keys_in_force_cannot_be_proposed_again_and_a_revocation_cannot_be_dropped(
    community, propose, adopt, guardians
):
    with pytest.raises(Conflict, match="keys_unchanged"):
        propose("release_keys", {"keys": body(community, {}, 0)})
    stolen = "ab" * 32
    adopt(body(community, guardians, 2, revoked=[stolen]))
    with pytest.raises(Conflict) as refused:
        propose("release_keys", {"keys": body(community, guardians, 1)})
    assert (refused.value.code, refused.value.found) == ("revocation_dropped", [stolen])


def test_before_a_vote_on_keys_the_founding_key_signs_alone(community):
    found = Client().get("/api/v1/release-keys?community=water-commons").json()
    assert found["keys"]["release_key"]["public_key"] == community.release_key
    assert (found["record"], found["keys"]["guardians"]) == (None, [])
    assert "The founding key, alone." in Client().get("/c/water-commons/rules/").content.decode()


def test_the_form_asks_for_keys_line_by_line(community, guardians):
    from governance.kinds import kind_named

    kind = kind_named("release_keys")
    wanted = body(community, guardians, 2, revoked=["ab" * 32])
    values = {
        "release_key": community.release_key,
        "guardians": "\n".join(f"{each['public_key']}   {each['name']}" for each in wanted["guardians"]) + "\n\n",
        "threshold": " 2 ",
        "revoked": f"{'ab' * 32} the laptop was stolen",
    }
    payload = kind.clean(community, kind.from_form(values))
    assert payload == {"keys": wanted}
    assert "2 of 3 guardians" in kind.describe(payload)
    assert {field.name: field.initial for field in kind.fields(community)}["release_key"] == community.release_key
    for wrong in ({**values, "threshold": "two"}, {**values, "guardians": "nobody"}, {}):
        with pytest.raises(Invalid):
            kind.clean(community, kind.from_form(wrong))
