"""The time of the service never jumps."""

import time

import pytest

from service.clock import Clock


def test_a_clock_that_is_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_000)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 10)
    clock = Clock()
    assert clock.at() == 1_000
    monkeypatch.setattr(time, "time_ns", lambda: 5)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 30)
    assert clock.at() == 1_020
