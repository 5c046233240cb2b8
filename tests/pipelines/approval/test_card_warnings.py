"""Each planted defect is a warning in words on the card's first screen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.approval.card_facts import KEYS
from pipelines.approval.card_text import as_markdown, as_text
from pipelines.approval.card_warnings import WARNINGS, warnings
from tests.pipelines.approval.made import GOOD

SCREEN_LINES = 12


def test_a_good_card_has_no_warning() -> None:
    assert warnings(GOOD) == ()


def checks(**others: str) -> dict[str, Any]:
    return {"checks": {**GOOD["checks"], **others}}


DEFECTS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("a leak", checks(leak="fail"), "features may know the future: fail"),
    ("optimistic fills", checks(fill_calibration="fail"), "fills are predicted better than they come: fail"),
    ("too few sessions", {"backtest": {**GOOD["backtest"], "sessions": 8}}, "evidence of 8 sessions, fewer than 20"),
    ("a missing limit", {"limits": {**GOOD["limits"], "stop_notional": None}}, "limits are missing: stop_notional"),
    ("no limits", {"limits": None}, "limits are missing: symbols, venues, price_collar_bps"),
    (
        "an expired report", {"report": {"person": "rita", "expires_on": "2026-11-19"}},
        "the validation report expired on 2026-11-19",
    ),
    ("no report", {"report": None}, "no independent validation report"),
    (
        "a report by the author", {"report": {"person": "ada", "expires_on": "2027-01-01"}},
        "the validation report is by an author, ada",
    ),
    ("the author alone may approve", {"approvers": ["ada"]}, "0 persons may approve who are not authors, 1 are needed"),
    ("too few approvers", {"approvals": 2, "approvers": ["ada", "rita"]}, "1 persons may approve who are not authors"),
    ("skew", checks(skew="fail"), "the desk computes other features than the model learned from: fail"),
    ("failed data quality", checks(data_quality="fail"), "data quality: fail"),
    ("a dirty tree", {"is_dirty": True}, "made from code that is not committed"),
    ("a tree of which nobody knows", {"is_dirty": None}, "made from code that is not committed, or nobody knows"),
    (
        "a plan that cannot see its harm", {"plan_faults": ["it cannot see the harm that it tolerates"]},
        "plan: it cannot see the harm that it tolerates",
    ),
    ("a plan that nobody checked", {"plan_faults": None}, "plan: nobody checked it"),
    ("stale evidence", {"evidence_session": "2026-11-18"}, "the evidence is of 2026-11-18, tonight is 2026-11-20"),
    ("evidence of no session", {"evidence_session": ""}, "the evidence is of nobody knows when"),
    ("an unknown author", {"unknown_authors": ["Eve"]}, "unknown authors: Eve"),
    ("nobody as author", {"authors": []}, "unknown authors: all of them"),
    ("no gain", {"backtest": {**GOOD["backtest"], "high_bps": 0.1}}, "not shown to be cheaper under the pessimistic"),
    (
        "a gain under the optimistic bound alone", {"backtest": {**GOOD["backtest"], "high_bps": 0.1}},
        "only under the optimistic one",
    ),
    ("no cost known", {"cost": None}, "nobody knows what it may cost clients before it would be rolled back"),
    ("a gate that holds", {"gate": {"verdict": "hold", "reasons": ["too few"]}}, "the gate says hold"),
    ("a gate that was overridden", {"overridden": ["gate"]}, "two persons let through what the rules hold: gate"),
    ("drift", {"drift_verdict": "ask"}, "drift: ask"),
    ("drift that nobody calibrated", {"drift_verdict": "note"}, "drift: note"),
    (
        "a large change in slices", {"needs_new_report": True, "since_approval": 1.3},
        "changes since the last independent approval add up to 1.30: a new validation report is needed",
    ),
    ("a check that nobody made", {"checks": {}}, "data quality: nobody looked"),
)  # fmt: skip


@pytest.mark.parametrize(("defect", "said"), [row[1:] for row in DEFECTS], ids=[row[0] for row in DEFECTS])
def test_each_planted_defect_is_on_the_first_screen(defect: dict[str, Any], said: str) -> None:
    shown = {**GOOD, **defect}
    assert any(said in words for words in warnings(shown)), warnings(shown)
    screen = as_text("card", shown).splitlines()[:SCREEN_LINES]
    assert any(f"⚠ {said}" in line or (line.startswith("  ⚠") and said in line) for line in screen), screen
    assert "**⚠ " in as_markdown("card", shown)


def test_every_kind_of_warning_has_a_planted_defect() -> None:
    silent = [judge for judge in WARNINGS if not any(judge({**GOOD, **defect}) for _, defect, _ in DEFECTS)]
    assert [judge.__name__ for judge in silent] == ["_silence"]


@pytest.mark.parametrize("key", KEYS)
def test_a_card_that_does_not_say_something_says_that(key: str) -> None:
    shown = {name: value for name, value in GOOD.items() if name != key}
    assert f"the card does not say: {key}" in warnings(shown)


def test_the_test_card_has_every_key_and_no_other() -> None:
    assert set(GOOD) == set(KEYS)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=6))
def test_a_card_of_whatever_content_is_drawn(told: dict[str, Any]) -> None:
    shown = {**GOOD, **told}
    assert as_text("card", shown)
    assert as_markdown("card", shown)
