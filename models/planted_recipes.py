"""Recipes with a known truth, to see what the whole controller makes of them: kinds of being better or worse.

    constant      dearer by the same in every session and at every share
    fat_tail      cheaper in most units and very dear in a few: a cut mean calls it good
    crowding      its own weight moves the price, so it gets dearer with its share
    one_regime    good while the market is calm, bad when it is not; regimes last for weeks
    decaying      an edge that others find: good at first, `effect_bps` in the end
    treacherous   better in the backtest and worse live, by mechanism: it waits in queues for fills that the backtest
                  gave it too easily; live they come late, against it, or not at all, and the rest must be bought
    spoofing      cheap by showing orders that it does not mean: many cancels, short lives, both sides
    unfinished    cheap by leaving orders open

`PlantedRecipe.effect_at` is the truth, `planted_session` (in `planted_sessions.py`) draws a session's evidence from it.
What it is not: a market. Costs are drawn, not traded; the built-in market has recipes of its own.

    >>> crowd = PlantedRecipe("c", "crowding", 4.0)
    >>> crowd.effect_at(share=0.1, number=0), crowd.effect_at(share=0.5, number=0)
    (-1.4, 1.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

Kind = Literal[
    "constant", "fat_tail", "crowding", "one_regime", "decaying", "treacherous", "spoofing", "unfinished"
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "constant", "fat_tail", "crowding", "one_regime", "decaying", "treacherous", "spoofing", "unfinished",
)  # fmt: skip
EFFECTS_BPS = (-5.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0)
START_BPS = -2.0
"""What crowding and decaying recipes save where they are at their best: enough to pass a small phase."""
TAIL_RATE, TAIL_BPS = 0.03, 250.0
"""Three units in a hundred at +250 bps are 7.5 bps of mean, and four times what the champion has beyond its 99 %."""
CALM_BPS = -3.0
REGIME_SESSIONS = 15.0
DECAY_SESSIONS = 12.0
TOUCH_FILLS, LIVE_FILLS = 0.9, 0.55
"""Share of resting orders that fill: in a backtest whose fills are too easy, and live, where the queue is longer."""
SPREAD_SAVED_BPS = 4.0


@dataclass(frozen=True)
class PlantedRecipe:
    """A recipe and its truth. effect_bps: of the kind's bad (or only) state, challenger less champion."""

    name: str
    kind: Kind
    effect_bps: float

    @property
    def backtest_bps(self) -> float:
        """What the backtest says it saves (below zero): the truth, except for the treacherous."""
        return -TOUCH_FILLS * SPREAD_SAVED_BPS if self.kind == "treacherous" else self.effect_at(0.0, 0)

    def effect_at(self, share: float, number: int, is_calm: bool = True) -> float:
        """True mean effect of a live session, in bps; number: of the session in the rollout, from 0."""
        if self.kind == "crowding":
            return START_BPS + (self.effect_bps - START_BPS) * share
        if self.kind == "decaying":
            return float(self.effect_bps + (START_BPS - self.effect_bps) * np.exp(-number / DECAY_SESSIONS))
        if self.kind == "one_regime":
            return CALM_BPS if is_calm else self.effect_bps
        return self.effect_bps

    @property
    def adverse_bps(self) -> float:
        """Move against a live fill of a resting order that makes the treacherous cost `effect_bps`.

        effect = fills * (adverse - spread saved) + (1 - fills) * spread paid in the end.
        """
        bought_late = (1.0 - LIVE_FILLS) * SPREAD_SAVED_BPS
        return SPREAD_SAVED_BPS + (self.effect_bps - bought_late) / LIVE_FILLS

    @property
    def tail_rate(self) -> float:
        """Part of the challenger's units that cost `TAIL_BPS` more; the others cost less, so that the mean is true."""
        return TAIL_RATE if self.kind == "fat_tail" else 0.0

    @property
    def incomplete_rate(self) -> float:
        """Part of units left open at the instructed end; the champion leaves `CHAMPION_OPEN`."""
        rates = {"unfinished": 0.25, "treacherous": CHAMPION_OPEN + 0.2 * (TOUCH_FILLS - LIVE_FILLS)}
        return rates.get(self.kind, CHAMPION_OPEN)


CHAMPION_OPEN = 0.03
"""As on the built-in market: three units in a hundred hold an order that its own limit kept open."""


@lru_cache(maxsize=4096)
def is_calm(seed: int, number: int) -> bool:
    """Regime of a session: two states of `REGIME_SESSIONS` mean life, the first one calm."""
    draws = np.random.default_rng([seed, 11]).random(number + 1)
    return bool((draws[1:] < 1.0 / REGIME_SESSIONS).sum() % 2 == 0)


def planted_recipes(count: int) -> tuple[PlantedRecipe, ...]:
    """`count` recipes: every kind with every effect in turn, so that any 88 hold each pair once."""
    pairs = [(kind, effect) for effect in EFFECTS_BPS for kind in KINDS]
    return tuple(
        PlantedRecipe(f"{pairs[place % len(pairs)][0]}-{place}", *pairs[place % len(pairs)]) for place in range(count)
    )
