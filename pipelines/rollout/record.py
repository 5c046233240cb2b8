"""The one writer of a market's stream: fold what the ledger holds, decide, append at the place that was seen.

When somebody else wrote in between, the ledger refuses the append; what they wrote is read, and the command is decided
again on the new state. So two controllers at once, or one that was killed and started again, leave one story.
"""

from __future__ import annotations

from datetime import datetime

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from infra.errors import ConflictError
from infra.ledger import Draft, Entry, Ledger
from models.rollout.commands import Command
from models.rollout.decide import decide
from models.rollout.fold import apply, fold
from models.rollout.state import MarketState

TRIES = 8
"""Writers are few and slow: an evening, a person, a rollback; eight in a row would be something else."""


def state_of(ledger: Ledger, market: str) -> MarketState:
    """The market's state, folded from all of its entries."""
    return fold(market, ledger.entries(market))


@retry(
    retry=retry_if_exception_type(ConflictError),
    stop=stop_after_attempt(TRIES),
    wait=wait_random(0.0, 0.2),
    reraise=True,
)
def record(
    ledger: Ledger, market: str, command: Command, *, at: datetime, actor: str
) -> tuple[MarketState, tuple[Entry, ...]]:
    """State after the command and the entries it gave, none when it was done before.

    Raises RefusedError when the command may not be done, UnreachableError when the ledger does not answer.
    """
    state = state_of(ledger, market)
    events = decide(state, command)
    if not events:
        return state, ()
    after = state
    for event in events:
        after = apply(after, event)
    drafts = [Draft(event.kind, event.payload) for event in events]
    return after, ledger.append(market, state.seen, drafts, at=at, actor=actor)
