"""Every row of the catalog keeps the catalog's promises; a new one is taken along by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numba import njit

from features.catalog import CATALOG, FEATURE_NAMES, FEATURES_TABLE, Feature
from features.engine import compute_features, kernel
from features.order import ORDER_CATALOG
from features.windows import WINDOWS_SECONDS
from features.wiring import wire
from tests.features.books import INTERVALS, day_of, fitted, outside_of

EVERY = pytest.mark.parametrize("feature", [*CATALOG, *ORDER_CATALOG], ids=lambda feature: feature.name)


@EVERY
def test_a_feature_is_named_as_its_function_and_window(feature: Feature) -> None:
    window = "" if feature.window_seconds is None else f"_{feature.window_seconds}s"
    assert feature.name == f"{feature.function.__name__}{window}"
    assert feature.window_seconds is None or feature.window_seconds in WINDOWS_SECONDS


@EVERY
def test_a_feature_is_documented_bounded_versioned_and_owned(feature: Feature) -> None:
    assert feature.meaning
    assert feature.low < feature.high
    assert feature.version >= 1
    assert all((feature.null_rule, feature.owner, feature.since))


@pytest.mark.parametrize("feature", CATALOG, ids=lambda feature: feature.name)
def test_a_feature_is_a_nullable_column_of_the_table(feature: Feature) -> None:
    column = FEATURES_TABLE.column(feature.name)
    assert (column.kind, column.is_nullable, column.low, column.high) == ("float", True, feature.low, feature.high)


def test_a_lively_day_stays_inside_every_declared_range_and_fills_every_column() -> None:
    random = np.random.default_rng(11)
    mid, seconds = 50.0 + 0.01 * np.cumsum(random.integers(-3, 4, 500)), np.cumsum(random.exponential(1.1, 500))
    sizes = random.integers(1, 900, (2, 500)).astype(float)
    rows = list(zip(seconds, mid - 0.02, sizes[0], mid + 0.02, sizes[1], strict=True))
    trades = [(float(at), float(price), 9.0, 1) for at, price in zip(seconds, mid, strict=True)]
    day = replace(day_of(rows, trades, levels=10), outside=outside_of([(4.0, 3.0, 0.5)]))
    found = compute_features(day, INTERVALS, fitted())
    for place, feature in enumerate(CATALOG):
        values = found[:, place][np.isfinite(found[:, place])]
        assert len(values), f"{feature.name} has no value"
        assert feature.low <= values.min() <= values.max() <= feature.high, feature.name


def test_names_are_unique_and_in_the_order_of_the_table() -> None:
    assert tuple(column.name for column in FEATURES_TABLE.columns)[-len(FEATURE_NAMES) :] == FEATURE_NAMES
    assert len(set(FEATURE_NAMES)) == len(CATALOG)


@njit
def spread_over_depth(bid_price_1: float, ask_price_1: float, best_depth_shares_mean_60s: float) -> float:
    """A feature that somebody adds: spread per share of the usual depth."""
    return (ask_price_1 - bid_price_1) / best_depth_shares_mean_60s


@njit
def misspelt(bid_prize_1: float) -> float:
    """A feature that asks for what nobody provides."""
    return bid_prize_1


def test_a_new_feature_is_one_function_and_one_row() -> None:
    added = Feature("spread_over_depth", spread_over_depth, "", "null at the first row", 0, 1)
    wiring = wire((*CATALOG, added))
    assert f"out[{len(CATALOG)}] = test_catalog.spread_over_depth(bid_price_1, ask_price_1," in wiring.source
    assert "best_depth_shares_mean_60s = windows.ratio(" in wiring.source
    assert wiring.digest != wire(CATALOG).digest


def test_a_feature_that_asks_for_the_unknown_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no input or measure is called 'bid_prize_1'"):
        wire((Feature("misspelt", misspelt, "", "never", 0, 1),))


def test_what_the_kernel_calls_is_not_cached_and_the_kernel_is_named_after_all_of_it() -> None:
    """Numba's cache compares one file: a cached `realised_volatility` would keep an old `windows.rate` inside."""
    wiring = wire(CATALOG)
    compiled = [value for module in wiring.modules for value in vars(module).values() if hasattr(value, "py_func")]
    assert len(compiled) > 40
    assert {type(function._cache).__name__ for function in compiled} == {"NullCache"}
    made = kernel()
    for function in (made.step, made.trade, made.run):
        assert function.__qualname__.endswith(wiring.digest)
