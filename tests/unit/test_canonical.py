"""The fast canonical form against the RFC 8785 library, byte for byte, and the bound on nesting against a plain loop."""

import json
import time

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads

# Around every border between two orders or two escapes: controls, quotes, DEL, Latin, line separators, the last
# characters before and after the surrogates, the last one of the basic plane, and beyond it.
ALPHABET = '"\\/aA0\x01\x08\t\n\x0b\x0c\r\x1f \x7f\x80\xa0é\u2028\u2029\ud7ff\ue000\uf8ff\ufb33\ufeff\uffff\U00010000😀\U0010ffff'
TEXT = st.text(st.sampled_from(ALPHABET), max_size=6) | st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner).map(tuple) | st.dictionaries(TEXT, inner, max_size=6),
    max_leaves=20,
)


@given(value=VALUES)
def test_every_value_has_the_bytes_that_the_rfc_8785_library_gives(value):
    assert canonical_bytes(value) == rfc8785.dumps(value)


def test_keys_are_sorted_by_utf_16_code_units_where_code_points_would_sort_otherwise():
    value = {"\uffff": 1, "\U00010000": 2, "\ue000": 3, "a": 4}
    assert list(json.loads(canonical_bytes(value))) == ["a", "\U00010000", "\ue000", "\uffff"]
    assert canonical_bytes(value) == rfc8785.dumps(value)


def nested(levels, innermost):
    return [nested(levels - 1, innermost)] if levels else innermost


def test_nesting_is_bounded_as_it_always_was():
    assert canonical_bytes(nested(32, []))
    assert canonical_bytes(nested(31, [1]))
    for too_deep in (nested(32, [1]), nested(33, []), nested(32, {"a": 1})):
        with pytest.raises(CanonicalError, match="too_deep"):
            canonical_bytes(too_deep)
    endless = []
    endless.append(endless)
    with pytest.raises(CanonicalError, match="too_deep"):
        canonical_bytes(endless)


def plain_depth(text):
    """Return the deepest nesting outside of texts, one character after the other."""
    depth = deepest = 0
    in_text = escaped = False
    for character in text:
        if in_text:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_text = False
        elif character == '"':
            in_text = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


@given(text=st.text(st.sampled_from('[]{}"\\a\n'), max_size=60))
def test_nesting_is_measured_as_a_plain_loop_measures_it(text):
    try:
        strict_loads(text.encode(), max_bytes=1000, max_depth=3)
        code = ""
    except CanonicalError as error:
        code = error.code
    assert (code == "too_deep") == (plain_depth(text) > 3)


@pytest.mark.parametrize("unit", ["[", "[]", '"', '"[', '\\"[', '["\\', "{" * 8 + "}" * 8, '"\\', '{"a":['])
def test_no_text_of_64_kb_takes_long_to_refuse(unit):
    data = (unit * (65_536 // len(unit))).encode()
    start = time.process_time()
    with pytest.raises(CanonicalError):
        strict_loads(data, max_bytes=70_000)
    assert time.process_time() - start < 0.05
