"""What the compiled desk is held to: limits, what was used of them, and who decides where a version may not or cannot.

Two records, which compiled code reads by their address: one of each symbol, one of all symbols of a session together. A
version that was stopped, or that gave no number, is followed by the champion, and that by the benchmark policy.

    >>> guard = no_guard(2)
    >>> next_policy(guard, 1), next_policy(guard, 0)
    (0, -1)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from models.limits_check import LIMIT_NAMES, SENT_NOTIONAL, SENT_ORDERS, STOPPED, USED_FIGURES, limit_row

Float = npt.NDArray[np.float64]
MOST_POLICIES = 8
MOST_SIGNAL_BPS = 1e4
"""A move of a hundred per cent within minutes is no forecast."""
HELD = np.dtype(
    [
        ("limits", "f8", (MOST_POLICIES, len(LIMIT_NAMES))),
        ("worst", "f8", (MOST_POLICIES, 2)),
        ("fees_bps", "f8", (3,)),
        ("limited", "i8", (MOST_POLICIES,)),
        ("must_read", "i8", (MOST_POLICIES,)),
        *((name, "i8") for name in ("policies", "is_limited", "champion", "benchmark")),
    ],
    align=True,
)
SESSION = np.dtype([("used", "f8", (MOST_POLICIES, USED_FIGURES)), ("worst", "f8", (MOST_POLICIES, 2))], align=True)
"""used: see the names above; STOPPED holds the number of the limit that stopped a version, else 0. worst: most exposure
in the half-minute by side, bids first, of one symbol and of all."""


class Guard(NamedTuple):
    """What the compiled desk is held to in one symbol, as two records that compiled code reads by their address.

    held: limits of each policy in this symbol and what it has open here. session: what each used in all symbols.
    """

    held: Any
    session: Any


def new_session() -> Any:
    """Nothing was used yet."""
    return np.zeros(1, SESSION).view(np.recarray)[0]


def new_guard(
    session: Any, rows: Sequence[Float], limited: Sequence[bool], must_read: Sequence[bool], champion: int,
    benchmark: int, fees_bps: tuple[float, float, float],
) -> Guard:  # fmt: skip
    """A symbol's guard. Policies in order: rows of `limit_row`, whether they hold, whether it reads a signal.

    champion, benchmark: numbers of policies, benchmark -1 for none. fees_bps: maker, taker, tax of sellers.
    """
    held, count = np.zeros(1, HELD).view(np.recarray)[0], len(rows)
    if count > MOST_POLICIES:
        raise ValueError(f"{count} policies side by side; allowed: {MOST_POLICIES}")
    held.limits[:count], held.limited[:count], held.must_read[:count] = np.stack(rows), limited, must_read
    held.policies, held.is_limited, held.champion, held.benchmark = count, any(limited), champion, benchmark
    held.fees_bps[:] = fees_bps
    return Guard(held, session)


def no_guard(policies: int) -> Guard:
    """Nobody is limited, and the first policy is the champion."""
    nobody, free = [False] * policies, [limit_row(None, "", "")] * policies
    return new_guard(new_session(), free, nobody, nobody, 0, -1, (0.0, 0.0, 0.0))


@njit(cache=True, nogil=True)
def next_policy(guard: Guard, which: int) -> int:
    """Who decides where a policy may not or cannot: the champion, then the benchmark policy, then nobody (-1)."""
    champion, benchmark = guard.held.champion, guard.held.benchmark
    if which not in (champion, benchmark) and guard.session.used[champion, STOPPED] == 0.0:
        return int(champion)
    return -1 if which == benchmark else int(benchmark)


@njit(cache=True, nogil=True)
def book_exposure(guard: Guard, which: int, side: int, exposure: float) -> None:
    """What a policy has open here now; it counts in every symbol's check until the next half-minute."""
    guard.session.worst[which, side] += exposure - guard.held.worst[which, side]
    guard.held.worst[which, side] = exposure


@njit(cache=True, nogil=True)
def exposure_elsewhere(guard: Guard, which: int, side: int) -> float:
    """The most that a policy had open in the other symbols in this half-minute."""
    return float(guard.session.worst[which, side] - guard.held.worst[which, side])


@njit(cache=True, nogil=True)
def note_sent(guard: Guard, which: int, side: int, notional: float, exposure: float) -> None:
    """A child went out; exposure: of this symbol, with it."""
    used = guard.session.used[which]
    used[SENT_NOTIONAL] += notional
    used[SENT_ORDERS] += 1.0
    book_exposure(guard, which, side, max(guard.held.worst[which, side], exposure))


@njit(cache=True, nogil=True)
def is_sound(must_read: bool, signal_bps: float, shares: float) -> bool:
    """Whether a decision was made on numbers and is one."""
    has_signal = not must_read or abs(signal_bps) <= MOST_SIGNAL_BPS
    return bool(has_signal and 0.0 <= shares < np.inf)
