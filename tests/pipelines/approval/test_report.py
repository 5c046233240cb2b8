"""A validation report counts when a risk officer who is no author brings it, and for a year at most."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import pytest

from infra.errors import RefusedError, SourceError
from models.rollout import commands as wanted
from pipelines.approval.people import trusted_people
from pipelines.approval.people_changes import change_role, map_identity
from pipelines.approval.report import record_report
from tests.models.rollout.made import ARM, opened, plan, proposal
from tests.models.rollout.made import Story as MadeStory
from tests.pipelines.approval.made import AT, Desk, desk

TODAY = AT.date()


def proposed(*authors: str) -> MadeStory:
    found = opened()
    found.do(wanted.Draft(proposal(authors=list(authors)), ARM, plan(), "salt", "probe"))
    return found


@pytest.fixture
def made(tmp_path: Path) -> Desk:
    found = desk(tmp_path / "home")
    found.tell(proposed("ada", "Paul P <paul@example.org>"))
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "report.md"
    found.write_text("It does what it says.\n")
    return found


def bring(
    made: Desk, file: Path, person: str = "rita", recipe_id: str = ARM.recipe_id,
    expires_on: date = TODAY + timedelta(days=180), summary: str = "sound",
) -> str:  # fmt: skip
    who = trusted_people(made.settings, made.ledger)[person]
    return record_report(made.settings, made.ledger, "sample", recipe_id, who, file, expires_on, summary, AT)


def test_a_report_is_recorded_and_kept_by_its_digest(made: Desk, file: Path) -> None:
    digest = bring(made, file)
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
    (report,) = made.state.reports
    assert (report.recipe_id, report.person, report.report_sha256) == (ARM.recipe_id, "rita", digest)
    kept = made.settings.home / "validation" / "sample" / f"{digest}.md"
    assert kept.read_bytes() == file.read_bytes()
    assert bring(made, file) == digest
    assert len(made.state.reports) == 1


def test_only_a_risk_officer_brings_a_report(made: Desk, file: Path) -> None:
    with pytest.raises(RefusedError, match="may not do that"):
        bring(made, file, person="paul")


def test_an_author_brings_none_not_even_one_whom_only_their_address_gives_away(made: Desk, file: Path) -> None:
    for name in ("ada", "paul"):
        change_role(made.settings, made.ledger, "rita", name, "risk", AT, is_granted=True)
    map_identity(made.settings, made.ledger, "rita", "paul", "paul@example.org", AT)
    for name in ("ada", "paul"):
        with pytest.raises(RefusedError, match="report is not independent"):
            bring(made, file, person=name)
    assert made.state.reports == ()


def test_a_report_of_a_recipe_that_nobody_proposed_is_refused(made: Desk, file: Path) -> None:
    with pytest.raises(RefusedError, match="report is not independent"):
        bring(made, file, recipe_id="other")


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_a_report_that_ends_too_soon_or_too_late_is_refused(made: Desk, file: Path, days: int) -> None:
    with pytest.raises(RefusedError, match="ends too soon or too late"):
        bring(made, file, expires_on=TODAY + timedelta(days=days))


@pytest.mark.parametrize("summary", [" ", "x" * 2001])
def test_a_report_says_what_it_says_in_a_sentence(made: Desk, file: Path, summary: str) -> None:
    with pytest.raises(RefusedError, match="summary is missing or too long"):
        bring(made, file, summary=summary)


def test_an_empty_or_missing_file_is_no_report(made: Desk, tmp_path: Path) -> None:
    (tmp_path / "empty.md").touch()
    for name in ("empty.md", "none.md"):
        with pytest.raises(SourceError):
            bring(made, tmp_path / name)


def test_a_file_of_another_kind_keeps_no_name_of_its_own(made: Desk, tmp_path: Path) -> None:
    odd = tmp_path / "report.sh;rm -rf"
    odd.write_text("x")
    digest = bring(made, odd)
    assert [path.name for path in (made.settings.home / "validation" / "sample").iterdir()] == [f"{digest}.bin"]
