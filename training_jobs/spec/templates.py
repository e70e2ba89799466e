"""The formats of turns: how a question and its answer stand in one text, for training, measuring and everybody after.

`opens` + question + `turns` + answer + `ends`. Marks are single tokens of the tokenizer; the rest is ordinary text,
encoded together with the question that follows it. `chat_template` says the same as the Jinja that transformers and
others apply (https://huggingface.co/docs/transformers/chat_templating); a published model carries it. A test holds the
two against each other, token by token.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """One format. `boundaries`: what stands between plain texts without turns, the first that a tokenizer has."""

    marks: tuple[str, ...]
    opens: str
    turns: str
    ends: str
    boundaries: tuple[str, ...]
    chat_template: str

    def missing(self, tokens: Iterable[str]) -> list[str]:
        """Return the marks that are not among a tokenizer's special tokens."""
        known = frozenset(tokens)
        return [mark for mark in self.marks if mark not in known]


TEMPLATES: Mapping[str, Template] = {
    "plain-turns": Template(
        marks=("<|user|>", "<|assistant|>", "<|end|>"),
        opens="<|user|>",
        turns="<|assistant|>",
        ends="<|end|>",
        boundaries=("<|end|>",),
        chat_template=(
            "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
            "{% if message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
        ),
    ),
    # ChatML, as Qwen and many others speak it. Their documents end with a mark of its own where there is one.
    "chatml": Template(
        marks=("<|im_start|>", "<|im_end|>"),
        opens="<|im_start|>user\n",
        turns="<|im_end|>\n<|im_start|>assistant\n",
        ends="<|im_end|>",
        boundaries=("<|endoftext|>", "<|im_end|>"),
        chat_template=(
            "{% for message in messages %}{% if not loop.first %}{{ '\\n' }}{% endif %}"
            "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '\\n<|im_start|>assistant\\n' }}{% endif %}"
        ),
    ),
}
