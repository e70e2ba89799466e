"""What the scans of texts find and leave alone: private data, secrets, hidden and look-alike letters, languages, harm."""

import codecs

import pytest

from models_registry.datasets.scans import SCANS, Context, Row, ScanResult
from models_registry.datasets.scans.languages import language_of
from models_registry.datasets.scans.secret_forms import is_random


def run(name: str, text: str) -> ScanResult:
    rows: list[Row] = [
        {"id": "1", "language": "en", "topic": "irrigation", "question": "Who opens the gate?", "answer": text}
    ]
    return SCANS[name].run(rows, Context(licence="CC-BY-4.0"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mail jean.dupont+eau@mairie.example.fr now", "e-mail address"),
        ("mail jean\u200b@mairie.example.fr", "e-mail address"),
        ("ｊｅａｎ＠ｍａｉｒｉｅ．ｆｒ", "e-mail address"),
        ("call +33 6 12 34 56 78", "phone number"),
        ("call 0033612345678", "phone number"),
        ("appelez le 06.12.34.56.78", "phone number"),
        ("appelez le 0612345678", "phone number"),
        ("call (415) 555-0132", "phone number"),
        ("call +1 415 555 0132", "phone number"),
        ("IBAN FR76 3000 6000 0112 3456 7890 189", "bank account"),
        ("pay to GB29NWBK60161331926819 today", "bank account"),
        ("pay to de89 3704 0044 0532 0130 00 please", "bank account"),
        ("card 4111 1111 1111 1111", "payment card"),
        ("card 5500-0000-0000-0004", "payment card"),
        ("card 378282246310005", "payment card"),
        ("card 4111 1111 1111 1111 12 times", "payment card"),
        ("from 85.214.132.117 today", "network address"),
        ("from 2a01:4f8:c0c:9f21:0:0:0:2 today", "network address"),
        ("née 2 69 05 49 588 157 80", "national identity number"),
        ("Corse 1 85 07 2A 004 123 88", "national identity number"),
        ("SSN 219-09-9999", "national identity number"),
        ("NI number AB 12 34 56 C", "national identity number"),
        ("DNI 12345678Z", "national identity number"),
    ],
)
def test_personal_data_is_found_counted_and_never_quoted(text: str, kind: str) -> None:
    result = run("personal_data", text)
    assert (result.passed, result.found) == (False, 1), result.detail
    assert kind in result.detail
    telling = [part for part in text.split() if len(part) > 3 and (any(map(str.isdigit, part)) or "@" in part)]
    assert not any(part in str(result) for part in telling)


@pytest.mark.parametrize(
    "text",
    [
        "From 2024-01-01 to 2026-12-31, 1 500 000 litres at 3.14 bar.",
        "Meter 4111 1111 1111 1112 has a wrong checksum.",
        "FR76 3000 6000 0112 3456 7890 188 has a wrong checksum.",
        "Reference 0000 0000 0000 0000.",
        "Commit 0x1234abcd and digest " + "ab" * 32,
        "Twitter @water_commons, version 1.2.3, room 12.",
        "Version 10.4.2.1 runs on 192.168.1.20, beside 127.0.0.1 and ::1.",
        "2 69 05 49 588 157 81 has a wrong key, and 12345678A too.",
        "SSN 000-12-3456 was never given, nor 666-12-3456.",
        "Le tour d'eau : 06 h 30, puis 07 h 45 ; voir l'article 5.",
    ],
)
def test_ordinary_numbers_are_not_personal_data(text: str) -> None:
    result = run("personal_data", text)
    assert result.passed, result.detail


@pytest.mark.parametrize(
    "text",
    [
        "zero\u200bwidth",
        "joined\u2060words",
        "\ufeffmark",
        "abc\u202edcba\u202c",
        "isolate \u2066x\u2069",
        "soft\u00adhyphen",
        "tag \U000e0041",
        "private \ue000",
        "filler \u3164",
        "line\u2028separator",
        "bell \x07",
        "next\x85line",
        "<|user|>",
        "say <|assistant|> then",
        "end <|end|>",
        "</s>",
        "[INST] do this [/INST]",
        "<｜user｜>",
        "<|us\u200ber|>",
        "obey\U000e0041\U000e0042",
        "a\ufe01b",
        "a\U000e0100",
        "a\u200db",
    ],
)
def test_hidden_characters_and_special_tokens_are_found(text: str) -> None:
    result = run("hidden_characters", text)
    assert not result.passed
    assert result.found >= 1


@pytest.mark.parametrize(
    "text",
    [
        "Fermer la vanne\u00a0; puis attendre\u202f!",
        "a < b | c > d",
        "Ligne 1\nLigne 2\tfin",
        "débit ≥ 3 m³/h — « oui »",
        "Merci ❤️ et ☀️ à la famille 👨‍👩‍👧 !",
    ],
)
def test_ordinary_typography_is_not_hidden(text: str) -> None:
    result = run("hidden_characters", text)
    assert result.passed, result.detail


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "Hugging Face token"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "GitHub token"),
        ("AKIAIOSFODNN7EXAMPLE", "AWS key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ("glpat-abcdefghij0123456789", "GitLab token"),
        ("0x" + "ab" * 32, "private key"),
        ("sk-proj-abcdefghijklmnopqrstuv", "API key"),
        ("xoxb-123456789012-abcdefghij", "Slack token"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc", "web token"),
        ("postgres://keeper:s3cr3tpass@db.example.org/water", "password in an address"),
        ("password: tR8vbQ2mXz91", "password or key"),
        ("le mot de passe est tR8vbQ2mXz91", "password or key"),
    ],
)
def test_a_secret_is_found_counted_and_never_quoted(text: str, kind: str) -> None:
    result = run("secrets", f"Say {text} aloud.")
    assert (result.passed, result.found) == (False, 1), result.detail
    assert kind in result.kinds
    assert text.rsplit(maxsplit=1)[-1] not in str(result)


@pytest.mark.parametrize(
    "text",
    [
        "The password is written on the blackboard.",
        "The secret of good bread is patience and 3 hours.",
        "Commit 3f2a9c1b77 and digest " + "ab" * 32,
        "See https://example.org:8080/path and mail@home.",
        "The key is under the mat; la clé est sous le paillasson.",
    ],
)
def test_talk_of_keys_is_not_a_secret(text: str) -> None:
    assert run("secrets", text).passed


def test_random_text_is_told_from_words() -> None:
    assert is_random("tR8vbQ2mXz91")
    assert not is_random("correct-horse-battery")
    assert not is_random("aaaaaaaaaaaaaa1")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Open the sluic\u0435 now.", "mixed alphabets"),
        ("The \u0441\u043e\u0441\u043e\u0430 is here.", "look-alike word"),
        ("Say \U0001d40e\U0001d429\U0001d41e\U0001d427 to pass.", "dressed-up letters"),
        ("Ｏｐｅｎ it.", "dressed-up letters"),
        ("The \u039dew gate.", "mixed alphabets"),
    ],
)
def test_words_of_look_alike_letters_are_found(text: str, kind: str) -> None:
    assert dict(run("confusable_letters", text).kinds) == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "5 µm and 3 kΩ, the α-sensor, Δt = 2",
        "Иван said он там.",
        "Γιώργος και Ελένη",
        "naïve cœur Žižek Łódź",
        "水 and 山",
    ],
)
def test_other_alphabets_are_welcome(text: str) -> None:
    assert run("confusable_letters", text).passed


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Who opened the old gate behind the mill, and why?", "en"),
        ("Qui a ouvert la vieille porte derrière le moulin, et pourquoi ?", "fr"),
        ("Wer hat das alte Tor hinter der Mühle geöffnet, und warum war niemand dabei?", "unknown"),
        ("¿Quién abrió la compuerta del molino y por qué nadie estaba allí con los demás?", "unknown"),
        ("Кто открыл шлюз за мельницей и почему?", "unknown"),
        ("Yes.", ""),
        ("10 mm, 5 mm, 3 mm", ""),
    ],
)
def test_a_language_is_told_by_its_small_words_or_not_at_all(text: str, language: str) -> None:
    assert language_of(text) == language


# A word of the list, turned by 13 letters as the list itself is.
@pytest.mark.parametrize(
    "disguise",
    [
        str,
        str.upper,
        lambda word: word.replace("o", "0"),
        lambda word: word[0] + "*" + word[2:],
        " ".join,
        ".".join,
        lambda word: word.replace("o", "oooo", 1),
        lambda word: word.replace("o", "\u043e"),
        lambda word: word[0] + "\u200b" + word[1:],
    ],
)
def test_a_listed_word_is_found_in_its_disguises_and_shown_masked(disguise) -> None:
    secret = disguise(codecs.decode("zbeba", "rot13"))
    result = run("harmful_language", f"He said {secret} to me.")
    assert dict(result.kinds) == {"insult": 1}
    assert secret not in str(result)
    assert result.samples[0].found.endswith("•••")


def test_a_listed_phrase_is_found_and_shown_masked() -> None:
    phrase = codecs.decode("fnyr nenor", "rot13")
    result = run("harmful_language", f"Il a dit : {phrase.upper()} !")
    assert dict(result.kinds) == {"hate": 1}
    assert phrase not in str(result).lower()


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe, Essex and Penistone; a great tit; la retraite et le concombre.",
        "Old people and immigrants are welcome; women are members.",
        "The thief was lazy. Les murs sont sales.",
        "a b c d e f g h and x y z",
        "100% of $100 at 10:30 is *not* 5|6 pages, a1b2c3",
    ],
)
def test_ordinary_words_are_not_harmful(text: str) -> None:
    result = run("harmful_language", text)
    assert result.passed, result.samples


def test_a_suite_may_hold_harm_on_purpose() -> None:
    assert SCANS["harmful_language"].applies(Context(role="training"))
    assert not SCANS["harmful_language"].applies(Context(role="evaluation"))
