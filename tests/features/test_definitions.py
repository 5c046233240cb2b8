"""A definition's digest: the formula and all behind it, and nothing that changes no value."""

from __future__ import annotations

import pytest
from numba import njit

from features import book, flow, microprice, regime, windows
from features.catalog import CATALOG, FEATURES, Feature
from features.compiled import compiled
from features.definitions import definition_digest
from features.measures import plain

SCALE = 2.0


@compiled
def halved(mid: float) -> float:
    """Half of the mid."""
    return mid / SCALE


@compiled
def doubled(mid: float) -> float:
    return mid * SCALE


def test_every_feature_has_a_digest_of_its_own_function_in_its_version() -> None:
    assert all(feature.full_version.startswith(f"{feature.version}.") for feature in CATALOG)
    functions = {plain(feature.function): feature.full_version for feature in CATALOG}
    assert len(set(functions.values())) == len(functions)


def test_another_formula_is_another_digest() -> None:
    assert definition_digest(halved) != definition_digest(doubled)


def test_a_docstring_or_how_it_is_compiled_changes_nothing() -> None:
    plainly = njit(plain(halved))
    assert definition_digest(plainly) == definition_digest(halved)


@pytest.mark.parametrize(
    ("feature", "changed", "name"),
    [
        ("realised_volatility_60s", windows, "FILLED_SHARE"),
        ("spread_bps", book, "BPS"),
        ("microprice_adjusted_bps", microprice, "MIN_MOVES"),
        ("calm_liquid_probability", regime, "BLOCK_NS"),
    ],
)
def test_a_constant_behind_a_feature_is_part_of_it(
    feature: str, changed: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = definition_digest(FEATURES[feature].function)
    monkeypatch.setattr(changed, name, 123)
    assert definition_digest(FEATURES[feature].function) != before


def test_what_a_feature_is_summed_from_is_part_of_it_and_another_s_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    ofi, spread = FEATURES["ofi_1_10s"].full_version, FEATURES["spread_bps"].full_version
    monkeypatch.setitem(plain(flow.order_flow_1).__globals__, "_bid_flow", flow.lee_ready_sign)
    assert FEATURES["ofi_1_10s"].full_version != ofi
    assert FEATURES["spread_bps"].full_version == spread


def test_the_declared_version_counts_too() -> None:
    first, second = (Feature("halved", halved, "", "never", 0, 1, version=version) for version in (1, 2))
    assert first.full_version.split(".")[1] == second.full_version.split(".")[1]
    assert first.full_version != second.full_version
