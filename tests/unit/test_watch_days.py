"""Intervals of single communities, as operators write them: read exactly, or refused with the name of the variable."""

import pytest

from config import env


def test_a_list_of_names_with_whole_numbers_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.numbers("WATCH_DAYS_OF") == {}
    monkeypatch.setenv("COMMONWEIGHTS_WATCH_DAYS_OF", " gardens=7, water=0 ,")
    assert env.numbers("WATCH_DAYS_OF") == {"gardens": 7, "water": 0}


@pytest.mark.parametrize(
    "text",
    [
        "gardens", "gardens=", "=7", "gardens=x", "gardens=-1", "gardens=1.5", "gardens=+7", "gardens=7 days", "gardens=7=8",
        "gardens=7,gardens=8", "gardens=7,,water", "gardens:7", "gardens=٧", "gardens=7;water=8", "gardens=0x7", "gardens=1e3",
        "gardens=None", "gardens=true", "7", "{}",
    ],
)  # fmt: skip
def test_anything_else_stops_the_start_and_says_what_is_allowed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COMMONWEIGHTS_WATCH_DAYS_OF", text)
    with pytest.raises(env.BadEnvironment, match="COMMONWEIGHTS_WATCH_DAYS_OF") as refused:
        env.numbers("WATCH_DAYS_OF")
    assert "gardens=7,water=0" in str(refused.value)
