"""A source of carbon intensity that is down is logged once, and once more when it answers again."""

import logging

import pytest

from training_jobs.carbon import configured
from training_jobs.carbon.cache import Kept
from training_jobs.carbon.sources.base import Reading, SourceRefusal
from training_jobs.scheduling.values import Series

READING = Reading("source", "FR", "forecast", "average", Series(0, 3_600, (100,)), 0)


class Flaky:
    """A cache whose source answers, or does not."""

    is_down = True

    def forecast(self, region: str, now: int) -> Kept:
        """Answer."""
        if self.is_down:
            raise SourceRefusal("intensity_unreachable", "nobody answers", permanent=False)
        return Kept(READING)


def test_silence_is_logged_once_and_so_is_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = Flaky()
    monkeypatch.setattr(configured, "intensity", lambda: source)
    monkeypatch.setattr(configured, "_said", {})
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        known, refused = configured.forecasts(["FR"], 0)
        assert (known, list(refused)) == ({}, ["FR"])
    source.is_down = False
    for _ in range(3):
        assert list(configured.forecasts(["FR"], 0)[0]) == ["FR"]
    assert len(caplog.records) == 2
    assert "intensity_unreachable" in caplog.text
    assert "answers again" in caplog.text
