"""What the paper desk's market does that nobody may know: one draw of the hidden parameters per seed.

If production fills came from the engine that predicted them, every calibration would pass. So the market behind
the paper desk differs from any model of it by factors drawn here; models, gate, backtest and train may not import this
module (an import contract checks it), and no value of it is written to a drop.

    >>> hidden_parameters(7) == hidden_parameters(7), hidden_parameters(7) == hidden_parameters(8)
    (True, False)
"""

from __future__ import annotations

from models.market_parameters import HiddenParameters
from models.market_random import new_stream, uniform

IMPACT_STRENGTH = (0.7, 1.6)
ADVERSE_SELECTION = (0.8, 1.4)
LATENCY_SECONDS = (0.005, 0.25)
HIDDEN_LIQUIDITY = (0.05, 0.25)
QUEUE_DECAY = (0.8, 2.0)


def hidden_parameters(seed: int) -> HiddenParameters:
    """Uniform draws from the ranges above, in the order below; one that is added goes last and changes no other."""
    stream = new_stream(seed, "hidden parameters of the paper desk")
    ranges = (LATENCY_SECONDS, IMPACT_STRENGTH, ADVERSE_SELECTION, HIDDEN_LIQUIDITY, QUEUE_DECAY)
    latency, impact, adverse, hidden, queue = (low + (high - low) * uniform(stream) for low, high in ranges)
    return HiddenParameters(
        impact_strength=impact,
        adverse_selection=adverse,
        latency_seconds=latency,
        hidden_liquidity=hidden,
        queue_decay=queue,
    )
