"""What a GGUF file cannot carry exactly is refused, with the place: config.json and tokenizer.json key by key."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from governance.evidence.canonical import strict_loads
from models_registry.gguf import architecture, vocabulary
from models_registry.gguf.refused import Refused

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "bos_token_id": None,
    "dtype": "float32",
    "eos_token_id": 3,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "num_key_value_heads": 1,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_theta": 10_000.0, "rope_type": "default"},
    "tie_word_embeddings": True,
    "vocab_size": 300,
}
OLDER = {key: value for key, value in LLAMA.items() if key != "rope_parameters"}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def tokenizer(pattern: str | None = None) -> Any:
    """Return tokenizer.json of a byte-level BPE that cuts as GPT-2, or by a pattern."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if pattern is not None:
        steps = [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
        made.pre_tokenizer = pre_tokenizers.Sequence(steps)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=280,
        special_tokens=["<|end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(["the water of the well, the well of the water"] * 3, trainer)
    return strict_loads(made.to_str().encode(), max_bytes=1_000_000)


def test_a_llama_is_described_in_the_words_of_the_format() -> None:
    read = architecture.read(LLAMA)
    keys = dict(read.keys)

    assert read.family == "llama"
    assert (keys["attention.head_count"], keys["attention.head_count_kv"], keys["attention.key_length"]) == (2, 1, 16)
    assert keys["rope.freq_base"] == 10_000.0
    assert "lm_head.weight" not in read.tensors, "the head is the embedding"
    assert read.tensors["model.layers.0.self_attn.k_proj.weight"].shape == (16, 32)
    assert read.special == {"bos": None, "eos": 3, "pad": None}


def test_the_older_way_to_write_positions_means_the_same() -> None:
    assert architecture.read({**OLDER, "rope_theta": 10_000.0}) == architecture.read(LLAMA)
    older = architecture.read({**OLDER, "rope_scaling": {"type": "linear", "factor": 4.0}})
    assert dict(older.keys)["rope.scaling.factor"] == 4.0


def test_a_window_that_holds_everything_is_none() -> None:
    mistral = {**LLAMA, "model_type": "mistral", "sliding_window": 128}
    assert architecture.read(mistral).family == "llama"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"model_type": "gemma2"}, "model_type is 'gemma2'"),
        ({"model_type": None}, "model_type is None"),
        ({"model_type": ["llama"]}, "model_type is"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        ({"mlp_bias": True}, "mlp_bias is True"),
        ({"quantization_config": {"bits": 4}}, "'quantization_config' is not known"),
        ({"num_local_experts": 8}, "'num_local_experts' is not known"),
        ({"final_logit_softcapping": 30.0}, "'final_logit_softcapping' is not known"),
        ({"rope_parameters": {"rope_theta": 1e4, "rope_type": "yarn", "factor": 2.0}}, "type 'yarn'"),
        ({"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}}, "'partial_rotary_factor'"),
        ({"rope_parameters": {"rope_type": "linear"}}, "factor is None"),
        ({"rope_parameters": [1]}, "rope_parameters is not an object"),
        ({"rope_parameters": {**LLAMA3, "rope_type": "llama3", "high_freq_factor": 1.0}}, "is not above"),
        ({"model_type": "qwen2", "rope_theta": 1e6, "rope_parameters": {"type": "llama3", **LLAMA3}}, "'llama3' in qwen2"),
        ({"model_type": "qwen2", "use_sliding_window": True}, "use_sliding_window is True"),
        ({"model_type": "qwen2", "attention_bias": True}, "attention_bias is carried for llama"),
        ({"model_type": "qwen2", "rope_parameters": {}}, "rope_theta is None"),
        ({"model_type": "qwen3", "layer_types": ["sliding_attention"]}, "layers of ['sliding_attention']"),
        ({"model_type": "mistral", "max_position_embeddings": 8_192}, "a window of 4096"),
        ({"model_type": "mistral", "sliding_window": 64}, "a window of 64"),
        ({"head_dim": 15}, "heads of 15 numbers"),
        ({"num_key_value_heads": 3}, "over 3 of keys"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"hidden_size": "32"}, "hidden_size is '32'"),
        ({"rms_norm_eps": -1.0}, "rms_norm_eps is -1.0"),
        ({"eos_token_id": [3, 4]}, "one token is carried"),
    ],
)  # fmt: skip
def test_a_model_that_llama_cpp_would_compute_otherwise_is_refused(change: dict[str, Any], found: str) -> None:
    config = {**(LLAMA if change.get("model_type") != "mistral" else OLDER | {"rope_theta": 1e4}), **change}
    with pytest.raises(Refused) as caught:
        architecture.read(config)
    assert caught.value.place == "config.json"
    assert found in caught.value.detail


def test_a_tokenizer_is_described_in_the_words_of_the_format() -> None:
    read = vocabulary.read(tokenizer(), {}, 300)

    assert read.cut == "gpt-2"
    assert len(read.tokens) == len(read.kinds) == 300
    assert read.tokens[0] == "<|end|>"
    assert read.kinds[0] == vocabulary.CONTROL
    assert read.kinds[-1] == vocabulary.UNUSED
    assert "t h" in read.merges or "h e" in read.merges
    assert vocabulary.read(tokenizer(WORDS), {}, 300).cut == "qwen2"


def test_a_token_that_begins_every_text_is_carried() -> None:
    made = tokenizer()
    template = processors.TemplateProcessing(single="<|end|> $A", special_tokens=[("<|end|>", 0)])
    whole = Tokenizer(models.BPE())
    whole.post_processor = template
    made["post_processor"] = strict_loads(whole.to_str().encode(), max_bytes=1_000_000)["post_processor"]

    assert vocabulary.read(made, {"add_bos_token": True}, 300).begins == "<|end|>"
    assert vocabulary.read(made, {}, 300).begins == "<|end|>"
    made["post_processor"]["single"].append({"SpecialToken": {"id": "<|end|>", "type_id": 0}})
    with pytest.raises(Refused, match="adds to a text"):
        vocabulary.read(made, {}, 300)


def _set(*path: Any) -> Callable[[Any], None]:
    *keys, last, value = path

    def change(made: Any) -> None:
        for key in keys:
            made = made[key]
        made[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_set("model", "type", "Unigram"), "only byte-level BPE"),
        (_set("model", "byte_fallback", True), "byte_fallback is True"),
        (_set("model", "dropout", 0.1), "dropout is"),
        (_set("model", "unk_token", "<unk>"), "unk_token is '<unk>'"),
        (_set("model", "ignore_merges", True), "ignore_merges is True"),
        (_set("model", "merges", []), "no merges"),
        (_set("model", "merges", ["a b c"]), "is not a pair"),
        (_set("model", "merges", [["a", " b"]]), "is not a pair"),
        (_set("model", "vocab", {"a": 1}), "of the 256 bytes have no token"),
        (_set("model", "vocab", "water", 400), "token 400 has no embedding"),
        (_set("model", "vocab", "water", 1), "two tokens have one number"),
        (_set("model", "vocab", "water", -1), "a token has the number -1"),
        (_set("model", "vocab", "[PAD299]", 290), "the place of an unused one"),
        (_set("normalizer", {"type": "Lowercase"}), "a normalizer Lowercase"),
        (_set("decoder", {"type": "WordPiece"}), "a decoder WordPiece"),
        (_set("pre_tokenizer", None), "its way of cutting text"),
        (_set("pre_tokenizer", "add_prefix_space", True), "its way of cutting text"),
        (_set("pre_tokenizer", {"type": "Metaspace"}), "its way of cutting text"),
        (_set("post_processor", {"type": "BertProcessing"}), "what BertProcessing adds"),
        (_set("added_tokens", 0, "lstrip", True), "takes spaces beside it"),
        (_set("added_tokens", 0, "content", "<end of it>"), "printable ASCII"),
        (_set("added_tokens", 0, "content", "<|fin·|>"), "printable ASCII"),
        (_set("added_tokens", 0, "id", 5), "is token 5 and another one"),
        (_set("added_tokens", [None]), "is not a list of tokens"),
    ],
)  # fmt: skip
def test_a_tokenizer_that_llama_cpp_would_apply_otherwise_is_refused(change: Callable[[Any], None], found: str) -> None:
    made = copy.deepcopy(tokenizer())
    change(made)
    with pytest.raises(Refused) as caught:
        vocabulary.read(made, {}, 300)
    assert caught.value.place == "tokenizer.json"
    assert found in caught.value.detail


def test_a_pattern_that_differs_in_one_character_is_another_way_of_cutting() -> None:
    with pytest.raises(Refused, match="its way of cutting text"):
        vocabulary.read(tokenizer(WORDS.replace(r"\p{N}|", r"\p{N}{1,2}|")), {}, 300)


@pytest.mark.parametrize("settings", [{"add_bos_token": True}, {"add_eos_token": True}, {"add_prefix_space": True}])
def test_settings_that_add_to_a_text_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        vocabulary.read(tokenizer(), settings, 300)
