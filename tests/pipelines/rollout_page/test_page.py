"""The page: self-contained, escaped, the same for the same ledger, and complete when a part is missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from pipelines.alerts import raise_alert
from pipelines.page_server import render_list
from pipelines.production_status import production_lines
from pipelines.rollout_page.page import page_folder, render, rollout_view, summary_of, write_page
from pipelines.rollout_page.view import RolloutView
from pipelines.step import StepContext
from tests.builders import FRIDAY
from tests.models.rollout.made import in_phase
from tests.pipelines.approval.made import AT, Desk, card_of, desk, waiting

NASTY = "<script>alert('x')</script>"


@pytest.fixture
def made(tmp_path: Path) -> Desk:
    found = desk(tmp_path)
    found.tell(waiting("expand_50"))
    return found


def context(settings: Settings) -> StepContext:
    return StepContext(settings, MARKETS["sample"], (FRIDAY,), Lake(settings.lake))


def view_of(made: Desk) -> RolloutView:
    return rollout_view(made.settings, "sample", AT + timedelta(minutes=5))


def test_the_page_asks_nothing_from_outside_and_runs_nothing(made: Desk) -> None:
    page = render(view_of(made))
    assert "<script" not in page
    assert not re.search(r"""(src|href)\s*=\s*["']?https?://(?!127\.0\.0\.1)""", page)
    assert "@import" not in page
    assert "default-src 'none'" in page
    assert page.count("<svg") == 4


def test_what_people_and_models_have_typed_is_text_and_nothing_else(made: Desk) -> None:
    raise_alert(made.settings, "sample", "x", "page", f"alert {NASTY}", f"fillwise {NASTY}", AT)
    view = view_of(made)
    line = replace(view.approvals[0], reason=NASTY, person=NASTY)
    story = replace(view.story[0], words=NASTY)
    phase = replace(view.phases[0], because=f'" onmouseover="{NASTY}')
    page = render(replace(view, approvals=(line,), story=(story,), phases=(phase,), headline=NASTY, next_step=NASTY))
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") >= 6
    assert 'onmouseover="' not in page


def test_the_same_ledger_gives_the_same_bytes(made: Desk) -> None:
    assert render(view_of(made)) == render(view_of(made))


def test_every_section_stands_where_nothing_was_ever_on_trial(tmp_path: Path) -> None:
    page = render(rollout_view(Settings(home=tmp_path), "sample", AT))
    assert "nothing was ever on trial: the benchmark policy trades" in page
    assert "fillwise rollout propose RECIPE puts a recipe on trial" in page
    assert "Evidence on cost" not in page


@pytest.mark.parametrize("phase", ["shadow", "canary_10", "expand_25", "baking"])
def test_a_page_is_drawn_in_every_phase(tmp_path: Path, phase: str) -> None:
    made = desk(tmp_path)
    made.tell(in_phase(phase))
    page = render(view_of(made))
    assert f"{phase}</div>" in page
    assert "Traceback" not in page


def test_a_card_that_waits_stands_first_with_the_command_that_shows_it(made: Desk) -> None:
    card = card_of(made)
    page = render(view_of(made))
    command = f"<code>fillwise card show {card.card_id}</code>"
    assert page.index("What needs a person") < page.index(command) < page.index("<h2>Phases")
    assert f"2 persons must answer card {card.card_id} until 2026-11-21 22:00" in page


def test_the_page_lies_beside_the_nights_with_a_summary_that_status_reads(made: Desk) -> None:
    card = card_of(made)
    path = write_page(context(made.settings), AT)
    assert path == page_folder(made.settings, "sample") / "index.html"
    told = json.loads((path.parent / "summary.json").read_text())
    assert told == summary_of(rollout_view(made.settings, "sample", AT))
    status = "\n".join(production_lines(made.settings, "sample", AT + timedelta(hours=1)))
    assert f"card {card.card_id} asks for baking, 0 of 2 approvals, until 2026-11-21T22:00" in status
    assert f"rollout as of 2026-11-20T22:00: {told['next_step']}" in status
    first = render_list(made.settings.pages)
    assert '<a href="/sample/rollout/">rollout</a>: sample.r1, sample.execution/5 in expand_50' in first


def test_costs_that_cannot_be_read_say_so_and_the_rest_of_the_page_stands(made: Desk) -> None:
    page = write_page(context(made.settings), AT).read_text()
    assert "No costs by account: nothing was assigned in 2026-11." in page
    assert "Guardrails" in page
    log = made.settings.lake / "silver" / "assignments" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text("no table")
    page = write_page(context(made.settings), AT).read_text()
    assert "No costs by account: " in page
    assert "nothing was assigned" not in page
    assert "Guardrails" in page
