"""A version in its shadow decides on every eligible order, is simulated, and changes nothing of the session."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.engine import FEATURE_NAMES
from features.labels import HORIZONS_SECONDS
from infra.lake_files import conform
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import NOUNS
from models.assignment import Terms
from models.policy import DO_NOTHING, SIGNAL, TWAP, PolicyParameters
from models.production import Production, of_policy
from models.signal import SignalModel
from models.version import PolicyInForce
from pipelines.desk.client_orders import ACCOUNTS
from pipelines.desk.paper import work_day
from pipelines.desk.served import vector_of
from tests.pipelines.desk.test_paper import EveryFeature

MARKET, DAY = MARKETS["sample"], date(2026, 11, 27)
SETTINGS = Settings(home=Path("/nowhere"), sample_symbols=2)
EAGER = PolicyParameters("eager", tolerance=(0.0, 0.0, 0.0))
OPTED_IN = ACCOUNTS[:5]
Rows = dict[str, pa.Table]


def shadowed(parameters: PolicyParameters, signal: SignalModel | None = None) -> Production:
    terms = Terms(frozenset(OPTED_IN), frozenset(), float("inf"))
    one = of_policy("sample", PolicyInForce("sample.execution/1", TWAP.digest(), TWAP))
    shadow = PolicyInForce("sample.execution/2", parameters.digest(), parameters, signal)
    return replace(one, rollout_id="sample.r1", phase="shadow", epoch=2, terms=terms, shadow=shadow)


def worked(production: Production) -> Rows:
    return dict(work_day(SETTINGS, MARKET, DAY, production))


@pytest.fixture(scope="module")
def day() -> Rows:
    return worked(shadowed(EAGER))


@pytest.mark.parametrize("noun", ["shadow_decisions", "shadow_children"])
def test_its_nouns_fit_their_declaration(day: Rows, noun: str) -> None:
    assert conform(NOUNS[noun], "sample", DAY, day[noun]).num_rows > 100
    assert not day[noun].to_pandas().duplicated(list(NOUNS[noun].key)).any()


def test_nothing_of_the_session_is_changed_by_it(day: Rows) -> None:
    alone = worked(replace(shadowed(EAGER), shadow=None))
    for noun in ("book_snapshots", "trades", "decisions", "child_orders", "fills", "assignments"):
        assert day[noun].equals(alone[noun]), noun
    assert "shadow_decisions" not in alone


def test_it_decides_on_every_eligible_order_and_on_no_other(day: Rows) -> None:
    drawn = day["assignments"].to_pandas()
    eligible = set(drawn.loc[drawn["is_eligible"], "parent_order_id"])
    assert set(drawn.loc[~drawn["is_eligible"], "account"]).isdisjoint(OPTED_IN)
    assert set(day["shadow_decisions"]["parent_order_id"].to_pylist()) == eligible


def test_each_decision_stands_beside_what_the_champion_did_at_the_same_instant(day: Rows) -> None:
    shadow, real = day["shadow_decisions"].to_pandas(), day["decisions"].to_pandas()
    beside = shadow.merge(real, on=["parent_order_id", "event_at_ns"], how="inner", suffixes=("", "_real"))
    assert (beside["champion_action"] == beside["action_real"]).all()
    assert (beside["champion_shares"] == beside["decided_shares_real"]).all()
    assert shadow["champion_action"].notna().sum() == len(beside)
    first = shadow.groupby("parent_order_id").head(1)
    assert first["champion_action"].notna().all()


def test_an_eager_version_is_seen_to_cross_more_than_the_champion(day: Rows) -> None:
    shadow = day["shadow_decisions"].to_pandas()
    assert (shadow["action"] == "cross").mean() > 1.5 * (shadow["champion_action"] == "cross").mean()


def test_what_it_would_have_sent_adds_up_to_its_orders(day: Rows) -> None:
    children, orders = day["shadow_children"].to_pandas(), day["parent_orders"].to_pandas()
    filled = children.groupby("parent_order_id")["filled_shares"].sum()
    wanted = orders.set_index("parent_order_id")["order_shares"].reindex(filled.index)
    assert (filled <= wanted + 1e-6).all()
    assert (filled > 0.9 * wanted).mean() > 0.8
    assert set(children["shadow_decision_id"]) <= set(day["shadow_decisions"]["shadow_decision_id"].to_pylist())


def test_a_version_that_does_nothing_is_seen_to_do_nothing() -> None:
    rows = worked(shadowed(DO_NOTHING))
    assert set(rows["shadow_decisions"]["action"].to_pylist()) == {"wait"}
    assert rows["shadow_children"].num_rows == 0


@pytest.mark.parametrize("champion", [TWAP, SIGNAL])
def test_it_reads_the_vectors_that_were_served_at_its_instants(champion: PolicyParameters) -> None:
    model = SignalModel(HORIZONS_SECONDS, FEATURE_NAMES, (EveryFeature(),) * 3, (1.0,) * 3, ())
    production = shadowed(SIGNAL, model)
    policy = PolicyInForce("sample.execution/1", champion.digest(), champion, model)
    rows = worked(replace(production, arms=(replace(production.arms[0], policy=policy),)))
    served, shadow = rows["served_features"].to_pandas(), rows["shadow_decisions"].to_pandas()
    vectors = np.stack([vector_of(text) for text in served.features])
    read = dict(zip(zip(served.symbol, served.event_at_ns, strict=True), EveryFeature().inplace_predict(vectors),
                    strict=True))  # fmt: skip
    seen = [read[key] for key in zip(shadow.symbol, shadow.event_at_ns, strict=True)]
    assert (shadow.signal_bps.to_numpy() == np.array(seen, np.float64)).all()
