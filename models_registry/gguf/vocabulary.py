"""Which tokenizers a GGUF file can carry: tokenizer.json → tokens, kinds of tokens, merges, the way of cutting. Pure.

Byte-level BPE in the three ways of cutting text into words that were compared with llama.cpp's. GGUF knows a way of
cutting by its name only, so a pattern that differs in one character is refused. What a GGUF file cannot say: that text
is composed (NFC) before it is cut, as tokenizers of Qwen do; `Vocabulary.normalizer` tells, so that people are told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models_registry.gguf.refused import Refused

PLACE = "tokenizer.json"
# Kinds of tokens in GGUF.
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
_ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# The pattern of the pre-tokenizer → its name, and whether a word that is a token is taken whole, without merges.
_CUTS: Mapping[str, tuple[str, bool]] = {
    rf"{_ENDINGS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{_REST}": ("qwen2", False),
    rf"{_ENDINGS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}{_REST}": ("llama-bpe", True),
}
_CUT_OF_GPT2 = ("gpt-2", False)  # the one that is part of ByteLevel


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer in the words of GGUF. Tokens are in the alphabet of bytes, those added are plain text."""

    cut: str
    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    begins: str | None  # the token that is put before every text
    normalizer: str | None


def read(tokenizer: Mapping[str, Any], settings: Mapping[str, Any], size: int) -> Vocabulary:
    """Return the vocabulary of a model with `size` embeddings; raise Refused for what GGUF would not carry exactly.

    `settings` is tokenizer_config.json, or empty.
    """
    cut, whole_words = _cut(tokenizer.get("pre_tokenizer"))
    model = tokenizer.get("model")
    if not isinstance(model, Mapping) or model.get("type", "BPE") != "BPE":
        raise _refused("tokenizer_not_carried", "only byte-level BPE is carried")
    _check_model(model, whole_words=whole_words, cut=cut)
    if _kind(tokenizer.get("decoder")) != "ByteLevel":
        raise _refused(
            "tokenizer_not_carried", f"a decoder {_kind(tokenizer.get('decoder'))}, only ByteLevel is carried"
        )
    if settings.get("add_prefix_space"):
        raise _refused("tokenizer_not_carried", "a space before every text")
    added = _added(tokenizer.get("added_tokens") or [])
    tokens, kinds = _tokens(model.get("vocab"), added, size)
    begins = _begins(tokenizer.get("post_processor"))
    if begins is not None and added.get(tokens.index(begins) if begins in tokens else -1, ("", 0))[1] != CONTROL:
        raise _refused("tokenizer_not_carried", f"{begins!r} begins every text and is no special token")
    if settings.get("add_eos_token") or bool(settings.get("add_bos_token", begins)) != bool(begins):
        raise _refused("tokenizer_not_carried", "tokenizer_config.json adds other tokens to a text than tokenizer.json")
    return Vocabulary(cut, tokens, kinds, _merges(model.get("merges")), begins, _normalizer(tokenizer))


def _cut(pre: object) -> tuple[str, bool]:
    """Return the name of a way of cutting text into words, and whether a known word is taken whole."""
    if _is_byte_level(pre, use_regex=True):
        return _CUT_OF_GPT2
    steps = pre.get("pretokenizers") if isinstance(pre, Mapping) and pre.get("type") == "Sequence" else None
    if isinstance(steps, list) and len(steps) == 2 and _is_byte_level(steps[1], use_regex=False):  # noqa: PLR2004
        first = steps[0]
        if _kind(first) == "Split" and first.get("behavior") == "Isolated" and not first.get("invert"):
            pattern = first.get("pattern")
            named = _CUTS.get(str(pattern.get("Regex"))) if isinstance(pattern, Mapping) else None
            if named is not None:
                return named
    names = ", ".join(["gpt-2", *(name for name, _ in _CUTS.values())])
    raise _refused("tokenizer_not_carried", f"its way of cutting text is none of {names}, which GGUF knows by name")


def _is_byte_level(step: object, *, use_regex: bool) -> bool:
    return (
        isinstance(step, Mapping)
        and step.get("type") == "ByteLevel"
        and step.get("add_prefix_space") is False
        and step.get("use_regex", True) is use_regex
    )


def _check_model(model: Mapping[str, Any], *, whole_words: bool, cut: str) -> None:
    for key in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback"):
        if model.get(key):
            raise _refused("tokenizer_not_carried", f"{key} is {model[key]!r}, byte-level BPE has none")
    if bool(model.get("ignore_merges")) is not whole_words:
        raise _refused("tokenizer_not_carried", f"ignore_merges is {not whole_words}; with {cut} it is {whole_words}")


def _normalizer(tokenizer: Mapping[str, Any]) -> str | None:
    normalizer = tokenizer.get("normalizer")
    if normalizer is None:
        return None
    if _kind(normalizer) != "NFC":
        raise _refused("tokenizer_not_carried", f"a normalizer {_kind(normalizer)}, only NFC or none is carried")
    return "NFC"


def _begins(post: object) -> str | None:
    """Return the one special token that is put before a text; refuse any other addition."""
    steps = post.get("processors") if isinstance(post, Mapping) and post.get("type") == "Sequence" else [post]
    found = None
    for step in steps if isinstance(steps, list) else [steps]:
        if step is None or _kind(step) == "ByteLevel":  # moves offsets, adds nothing
            continue
        single = step.get("single") if _kind(step) == "TemplateProcessing" else None
        parts = [next(iter(part.items())) for part in single or [] if isinstance(part, Mapping) and len(part) == 1]
        kinds = [kind for kind, _ in parts]
        if found is None and kinds == ["SpecialToken", "Sequence"]:
            found = str(parts[0][1].get("id"))
        elif kinds != ["Sequence"]:
            raise _refused(
                "tokenizer_not_carried", f"what {_kind(step)} adds to a text; one token before it is carried"
            )
    return found


def _added(entries: object) -> dict[int, tuple[str, int]]:
    """Return token → (text, kind) of the tokens that are found in a text before it is cut."""
    added: dict[int, tuple[str, int]] = {}
    for entry in entries if isinstance(entries, list) else [None]:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("content"), str):
            raise _refused("tokenizer_malformed", "added_tokens is not a list of tokens")
        text = entry["content"]
        if any(entry.get(key) for key in ("lstrip", "rstrip", "single_word")):
            raise _refused("tokenizer_not_carried", f"the added token {text!r} takes spaces beside it, or whole words")
        # Outside of this alphabet readers disagree whether a token is spelled in bytes or in letters.
        if not text or not all("!" <= letter <= "~" for letter in text):
            raise _refused(
                "tokenizer_not_carried", f"the added token {text!r}; printable ASCII without spaces is carried"
            )
        added[_id(entry.get("id"))] = (text, CONTROL if entry.get("special") else USER_DEFINED)
    return added


def _tokens(vocab: object, added: Mapping[int, tuple[str, int]], size: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return text and kind of each token, by number; numbers that no token has are filled up to `size`."""
    if not isinstance(vocab, Mapping):
        raise _refused("tokenizer_malformed", "the model has no vocabulary")
    table = {_id(number): (text, NORMAL) for text, number in vocab.items()}
    if len(table) != len(vocab):
        raise _refused("tokenizer_malformed", "two tokens have one number")
    missing = set(_ALPHABET) - set(vocab)
    if missing:
        detail = f"{len(missing)} of the 256 bytes have no token, so some text would be lost"
        raise _refused("tokenizer_not_carried", detail)
    for number, (text, kind) in added.items():
        if table.get(number, (text, kind))[0] != text or vocab.get(text, number) != number:
            raise _refused("tokenizer_malformed", f"{text!r} is token {number} and another one")
        table[number] = (text, kind)
    if max(table) >= size:
        raise _refused("tokenizer_not_carried", f"token {max(table)} has no embedding, there are {size}")
    filled = [table.get(number, (f"[PAD{number}]", UNUSED)) for number in range(size)]
    if len({text for text, _ in filled}) != size:
        raise _refused("tokenizer_not_carried", "a token spells the place of an unused one")
    return tuple(text for text, _ in filled), tuple(kind for _, kind in filled)


def _merges(entries: object) -> tuple[str, ...]:
    """Return the merges as GGUF writes them: two parts with a space between."""
    merges = []
    for entry in entries if isinstance(entries, list) else []:
        parts = entry.split(" ") if isinstance(entry, str) else entry
        pair = isinstance(parts, list) and len(parts) == 2  # noqa: PLR2004 - a pair
        if not pair or not all(isinstance(part, str) and part and " " not in part for part in parts):
            raise _refused("tokenizer_malformed", f"a merge {entry!r} is not a pair without spaces")
        merges.append(" ".join(parts))
    if not merges:
        raise _refused("tokenizer_not_carried", "it has no merges")
    return tuple(merges)


def _id(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise _refused("tokenizer_malformed", f"a token has the number {value!r}")
    return value


def _kind(step: object) -> str:
    return str(step.get("type")) if isinstance(step, Mapping) else "none"


def _alphabet() -> tuple[str, ...]:
    """Return the letter that stands for each byte in byte-level BPE (GPT-2): printable ones for themselves."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    others = iter(range(0x100, 0x200))
    return tuple(chr(byte if byte in printable else next(others)) for byte in range(0x100))


def _refused(code: str, detail: str) -> Refused:
    return Refused(code, PLACE, detail)


_ALPHABET = _alphabet()
