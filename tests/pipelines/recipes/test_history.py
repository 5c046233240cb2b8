"""A plan is drafted from the history that was brought in: its costs are settled first."""

from __future__ import annotations

import pytest

from infra.errors import EvidenceError
from infra.lake import Lake
from infra.settings import Settings
from infra.tables import COSTS
from pipelines.plan.history import desk_history
from tests.pipelines.recipes.small_market import DAYS, MARKET

pytestmark = pytest.mark.filterwarnings("ignore")


def test_sessions_that_were_brought_in_count_although_no_night_settled_them(settings: Settings) -> None:
    assert Lake(settings.lake).days(COSTS, MARKET.name) == ()
    with pytest.raises(EvidenceError, match=f"{len(DAYS)} sessions with costs; allowed: 20 or more"):
        desk_history(settings, MARKET)
    assert Lake(settings.lake).days(COSTS, MARKET.name) == DAYS
