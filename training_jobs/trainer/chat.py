"""Questions, answers and texts as tokens, in the format of turns that a specification names.

What is encoded here is what anybody gets who applies the published `chat_template` with transformers: a tokenizer that
would cut the whole text otherwise than its parts is refused. One thing is stricter: text that spells a mark stays text,
because a row must not be able to end its own answer.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from training_jobs.spec import TEMPLATES
from training_jobs.trainer.failures import PermanentFailure

SETTINGS_BYTES_MAX = 1_000_000
# A tokenizer is tried on this: letters, marks of punctuation, an accent, digits, a line break.
_QUESTION, _ANSWER = "Où va l'eau ? 12 m³", "Down to plot 7,\nthen on."


class ChatFormat:
    """Encodes with one tokenizer in one format. `pad` is a token that nobody learns; `end` ends an answer."""

    def __init__(self, tokenizer_file: Path, template: str = "plain-turns") -> None:
        """Load tokenizer.json; one without the format's marks, or that does not treat them as such, is refused."""
        try:
            self.tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as error:  # the library raises nothing narrower
            raise PermanentFailure("input_unreadable", f"tokenizer.json: {error}") from error
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.tokenizer.encode_special_tokens = True
        self.template = TEMPLATES[template]
        self._require_marks(template)
        self.end = self._token(self.template.ends)
        *before, self._lead = self._parts(self.template.opens)
        self._before, self._between = self._ids(before), self._ids(self._parts(self.template.turns))
        boundaries = (self.tokenizer.token_to_id(token) for token in self.template.boundaries)
        self._boundary = next(token for token in boundaries if token is not None)
        self.pad = self._padding(tokenizer_file.parent)
        self._require_whole(template)

    def prompt(self, question: str) -> list[int]:
        """Return the tokens that come before an answer."""
        return [*self._before, *self._text(self._lead + question), *self._between]

    def answer(self, answer: str) -> list[int]:
        """Return the tokens of an answer with its end."""
        return [*self._text(answer), self.end]

    def document(self, text: str) -> list[int]:
        """Return the tokens of a plain text between two boundaries: the first says that something begins."""
        return [self._boundary, *self._text(text), self._boundary]

    def read(self, tokens: Sequence[int]) -> str:
        """Return the text of generated tokens, special tokens spelled out."""
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=False))

    def require_room(self, embeddings: int) -> None:
        """Refuse a model that has no embedding for every token: one whose tokenizer has grown without it."""
        size = self.tokenizer.get_vocab_size()
        if size > embeddings:
            detail = f"the base model has {embeddings} embeddings for the {size} tokens of its tokenizer"
            raise PermanentFailure("tokenizer_without_format", detail)

    def _text(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _token(self, mark: str) -> int:
        return int(self.tokenizer.token_to_id(mark))

    def _parts(self, text: str) -> list[str]:
        """Cut a piece of the template into text, mark, text, mark, …, text; a text may be empty."""
        return re.split("(" + "|".join(map(re.escape, self.template.marks)) + ")", text)

    def _ids(self, parts: Sequence[str]) -> list[int]:
        marks = self.template.marks
        return [token for part in parts for token in ([self._token(part)] if part in marks else self._text(part))]

    def _require_marks(self, template: str) -> None:
        added = self.tokenizer.get_added_tokens_decoder().values()
        missing = self.template.missing(token.content for token in added if token.special)
        if missing:
            detail = f"for {template}, the base model's tokenizer lacks {', '.join(missing)} as special tokens"
            raise PermanentFailure("tokenizer_without_format", detail)

    def _require_whole(self, template: str) -> None:
        """Compare the parts with the whole, as somebody encodes it who has the text of a conversation only."""
        text = f"{self.template.opens}{_QUESTION}{self.template.turns}{_ANSWER}{self.template.ends}"
        self.tokenizer.encode_special_tokens = False
        whole = self._text(text)
        self.tokenizer.encode_special_tokens = True
        if whole != [*self.prompt(_QUESTION), *self.answer(_ANSWER)]:
            detail = f"the base model's tokenizer encodes turns of {template} otherwise as a whole than in parts"
            raise PermanentFailure("tokenizer_without_format", detail)

    def _padding(self, folder: Path) -> int:
        """Return the tokenizer's own padding token, or else the end of an answer."""
        text = _content(read_settings(folder).get("pad_token"))
        token = self.tokenizer.token_to_id(text) if isinstance(text, str) else None
        return self.end if token is None else int(token)


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what a model says of its tokenizer: tokenizer_config.json, and special_tokens_map.json where it is silent.

    Older models have only the second, where a token may be an object of its own; a model without both says nothing.
    """
    named = _object(folder / "special_tokens_map.json")
    return {**{key: _content(token) for key, token in named.items()}, **_object(folder / "tokenizer_config.json")}


def _content(token: Any) -> Any:  # noqa: ANN401 - JSON is any shape
    if isinstance(token, list):
        return [_content(item) for item in token]
    return token.get("content") if isinstance(token, dict) else token


def _object(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
        value = json.loads(data) if len(data) <= SETTINGS_BYTES_MAX else None
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise PermanentFailure("input_unreadable", f"{file.name}: {error}") from error
    if not isinstance(value, dict):
        raise PermanentFailure("input_unreadable", f"{file.name} is too long, or not an object")
    return value
