"""Who must be told, and when: a pure function of what happened to an alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from infra.times import stamp
from pipelines.alerting.story import (
    ACKNOWLEDGED,
    DELIVERED,
    FAILED,
    OVER,
    RAISED,
    AlertEvent,
    due_levels,
    is_same_cause,
    made_event,
    story,
)

START = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
WORDS = {"market": "sample", "kind": "desk", "cause": "desk 1", "words": "desk 1 is silent", "command": "fillwise x"}


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def raised(severity: str = "page") -> AlertEvent:
    return made_event(RAISED, stamp(START), "fillwise", **WORDS, severity=severity)


def delivered(level: int, minutes: float) -> AlertEvent:
    return made_event(DELIVERED, stamp(at(minutes)), "fillwise", level=level)


def failed(level: int, minutes: float) -> AlertEvent:
    return made_event(FAILED, stamp(at(minutes)), "fillwise", level=level, why="refused")


def acknowledged(minutes: float) -> AlertEvent:
    return made_event(ACKNOWLEDGED, stamp(at(minutes)), "ada", reason="on it")


def due(minutes: float, *events: AlertEvent, severity: str = "page") -> tuple[tuple[int, str], ...]:
    return due_levels(story("a", [raised(severity), *events]), 2, at(minutes), 15.0)


def test_the_first_level_is_told_at_once_and_the_next_only_when_nobody_has_acknowledged_in_time() -> None:
    assert due(0) == ((0, "first"),)
    assert due(14.9, delivered(0, 0)) == ()
    assert due(15, delivered(0, 0)) == ((1, "escalated"),)
    assert due(15, delivered(0, 0), acknowledged(3)) == ()


def test_the_next_level_is_told_at_once_when_the_first_took_nothing() -> None:
    assert due(0, failed(0, 0)) == ((1, "escalated"),)


def test_a_failed_level_is_tried_again_later_and_later() -> None:
    assert due(1, failed(0, 0), delivered(1, 0)) == ((0, "first"),)
    assert due(2, failed(0, 0), failed(0, 1), delivered(1, 0)) == ()
    assert due(3, failed(0, 0), failed(0, 1), delivered(1, 0)) == ((0, "first"),)


def test_everybody_who_was_told_is_reminded_hourly_until_somebody_has_it() -> None:
    told = (delivered(0, 0), delivered(1, 15))
    assert due(74, *told) == ()
    assert due(75, *told) == ((0, "reminder"), (1, "reminder"))
    assert due(75, *told, acknowledged(20)) == ()
    assert due(75, *told, made_event(OVER, stamp(at(20)), "fillwise")) == ()


def test_a_note_is_told_once_and_to_the_first_level_alone() -> None:
    assert due(0, severity="tell") == ((0, "first"),)
    assert due(600, delivered(0, 0), severity="tell") == ()


def test_an_acknowledged_cause_stays_quiet_until_the_next_evening_and_then_is_a_new_alert() -> None:
    alert = story("a", [raised(), acknowledged(30)])
    assert is_same_cause(alert, "sample", "desk 1", at(60))
    assert not is_same_cause(alert, "sample", "desk 1", at(30 + 12 * 60))
    assert not is_same_cause(alert, "sample", "desk 2", at(60))
    assert not is_same_cause(alert, "ashare", "desk 1", at(60))


def test_the_first_acknowledgement_counts() -> None:
    second = made_event(ACKNOWLEDGED, stamp(at(9)), "paul", reason="me too")
    assert story("a", [raised(), acknowledged(5), second]).acknowledged_by == "ada"


@given(
    takes=st.lists(st.booleans(), min_size=1, max_size=60),
    every=st.floats(0.5, 45.0),
    levels=st.integers(1, 3),
)
def test_however_gateways_fail_an_open_page_never_goes_unheard_for_two_hours(
    takes: list[bool], every: float, levels: int
) -> None:
    events, minutes, last_tried = [raised()], 0.0, 0.0
    for outcome in takes:
        for level, _ in due_levels(story("a", events), levels, at(minutes), 15.0):
            events.append(delivered(level, minutes) if outcome else failed(level, minutes))
            last_tried = minutes
        assert minutes - last_tried < 60 + every
        minutes += every


@given(st.lists(st.sampled_from(["first", "fails", "ack", "over"]), max_size=12), st.floats(0, 10_000))
def test_nobody_is_told_of_what_somebody_has_or_what_is_over(what: list[str], later: float) -> None:
    makers = {"first": delivered, "fails": failed}
    events = [
        makers[word](0, n) if word in makers else acknowledged(n) if word == "ack"
        else made_event(OVER, stamp(at(n)), "fillwise")
        for n, word in enumerate(what)
    ]  # fmt: skip
    if {"ack", "over"} & set(what):
        assert due(later, *events) == ()
