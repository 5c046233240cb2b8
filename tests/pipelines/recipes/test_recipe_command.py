"""`fillwise recipe` and `fillwise gate --explain` as they are typed."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from infra.errors import UsageError
from infra.settings import Settings
from models.catalog import ROWS
from pipelines.__main__ import build_parser
from pipelines.current_recipe import candidate_recipe, recipe_named, recipe_names
from pipelines.recipes.commands import COMMANDS
from pipelines.recipes.show import name_of

(RECIPE,) = COMMANDS


def typed(home: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    for add_options in RECIPE.options:
        add_options(parser)
    return RECIPE.call(Settings(home=home), parser.parse_args(words))


def test_every_recipe_is_listed_with_its_id_and_the_candidate_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(tmp_path) == typed(tmp_path, "list") == 0
    told = capsys.readouterr().out
    for row in ROWS:
        assert row.name in told
        assert recipe_named(row.name).recipe_id in told
        assert row.summary in told
    assert told.count("candidate") == 2, "once in each of the two lists"


def test_one_recipe_is_shown_by_name_by_id_and_without_a_word_the_candidate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = recipe_named("eager").recipe_id
    assert typed(tmp_path, "show", "eager") == 0
    by_name = capsys.readouterr().out
    assert typed(tmp_path, "show", identity[:8]) == 0
    assert capsys.readouterr().out == by_name
    assert typed(tmp_path, "show") == 0
    assert candidate_recipe(Settings()).recipe_id in capsys.readouterr().out
    for words in ("purpose:", "limits of use:", "tier:", "change against what is in production: new_recipe, 2 persons"):
        assert words in by_name


def test_an_unknown_recipe_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown recipe: nothere; .* allowed: signal, patient_signal"):
        typed(tmp_path, "show", "nothere")
    with pytest.raises(UsageError):
        name_of("")


def test_a_setting_names_the_candidate_and_a_name_that_is_none_is_refused() -> None:
    assert candidate_recipe(Settings(recipe="eager")) == recipe_named("eager")
    with pytest.raises(UsageError, match="fillwise recipe list"):
        candidate_recipe(Settings(recipe="nothere"))
    assert recipe_names()[recipe_named("eager").recipe_id] == "eager"


def test_only_the_gate_explains() -> None:
    parser = build_parser()
    assert parser.parse_args(["gate", "--explain", "--day", "2026-11-20"]).explain is True
    assert parser.parse_args(["gate"]).explain is False
    with pytest.raises(SystemExit):
        parser.parse_args(["train", "--explain"])
