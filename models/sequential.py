"""Tests that may be looked at every evening: e-processes, and the confidence sequence that goes with them.

An e-process starts at 1 and has mean 1 at most, whenever it is looked at, while "nothing is wrong" holds. So the chance
that it ever reaches 1 / alpha is alpha at most (Ville 1939; Ramdas, Grünwald, Vovk, Shafer 2023, Statistical Science
38, section 2): no plan of looks is needed, and none can be broken. Everything here is the logarithm of one.

    x_j     score of session j: mean unit cost of the challenger less the champion's, within strata, in bps
    v_j     its variance as planned before session j was seen: sigma^2 * (1/n_challenger + 1/n_champion) + tau^2
    S, V    sums of x_j / v_j and of 1 / v_j

* betting (Waudby-Smith, Ramdas 2024, JRSS B 86, section 4): `log_e_betting`. These tests decide. The average over
  effect sizes d of prod_j (1 + eta_j * clip(x_j, 3 sqrt(v_j))), eta_j = min(d / (v_j + d^2), 0.9 / (3 sqrt(v_j))).
  Needs no variance model: v sets only where is cut and how much is bet, and any v that is known beforehand is valid.
* normal mixture (Howard, Ramdas, McAuliffe, Sekhon 2021, Annals of Statistics 49, propositions 5 and 6):
  `log_e_mixture`, `confidence_sequence`. Sharper, and wrong where v is too small: it draws the pictures.
* counts by arm: `log_e_exceedance` (events, of randomised units) and `log_e_sample_ratio` (Lindon, Malek 2022, NeurIPS,
  "Anytime-valid inference for multinomial count data").

What they are not: tests of what was cut. Beyond 3 planned deviations a score counts as 3, so one session in a hundred
with a loss of 50 bps is hardly seen; the uncut tail has a guardrail of its own (`guardrails.py`).
A score that is missing or not finite has no place here (ValueError): what is missing holds the rollout.

    >>> round(float(np.exp(log_e_betting([4.0, 6.0, 5.0], [4.0, 4.0, 4.0]))), 2)
    4.06
    >>> float(np.exp(log_e_betting([], [])))
    1.0
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, log_ndtr, logsumexp

Float = npt.NDArray[np.float64]
Numbers = Sequence[float] | Float | float

DELTAS_BPS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Doubling from a quarter: whatever the effect, one of them is within a factor of 1.4, for the price of log 7."""
CLIP_SIGMAS = 3.0
"""Cutting at 3 planned deviations touches one normal score in 370 and lets bets be four times those of 12."""
MOST_OF_WEALTH = 0.9
"""A session may cost nine tenths of the wealth at most, so that no single one can end the test for good."""
ODDS = (1.5, 2.0, 4.0, 8.0)
"""How much more often the challenger may do it: from what matters over months to what shows in days."""
SAMPLE_RATIO_STRENGTH = 100.0
"""Prior worth 100 units at the planned share: 4.5 % for 5 % is caught, and no false alarm in 4,000 tries at 0.001."""


def _checked(x: Numbers, v: Numbers) -> tuple[Float, Float]:
    scores, variances = np.asarray(x, np.float64), np.asarray(v, np.float64)
    if not np.isfinite(scores).all():
        raise ValueError("a score is missing or not finite: hold, it cannot be tested")
    if not (np.isfinite(variances).all() and (variances > 0.0).all()):
        raise ValueError("a planned variance is missing, not finite or not above 0: hold, it cannot be tested")
    shape = np.broadcast_shapes(scores.shape, variances.shape)
    return np.broadcast_to(scores, shape), np.broadcast_to(variances, shape)


def betting_steps(x: Numbers, v: Numbers, deltas: Sequence[float] = DELTAS_BPS) -> Float:
    """(d, ..., s) log growth of each of d bets in each of s sessions. x, v (..., s)."""
    scores, variances = _checked(x, v)
    limit = CLIP_SIGMAS * np.sqrt(variances)
    cut = np.clip(scores, -limit, limit)
    sizes = np.asarray(deltas, np.float64).reshape(-1, *([1] * scores.ndim))
    bets = np.minimum(sizes / (variances + sizes**2), MOST_OF_WEALTH / limit)
    steps: Float = np.log1p(bets * cut)
    return steps


def log_e_mean(logs: Sequence[Float] | Float) -> Float:
    """Log of the average of e-values, given their logs along the first axis; an average of e-values is one."""
    found = np.asarray(logs, np.float64)
    mean: Float = logsumexp(found, axis=0) - np.log(len(found))
    return mean


def betting_path(x: Numbers, v: Numbers, deltas: Sequence[float] = DELTAS_BPS) -> Float:
    """(..., s) log e-value of "the mean of x is above 0" after each session; H0: it is 0 or below."""
    return log_e_mean(np.cumsum(betting_steps(x, v, deltas), axis=-1))


def log_e_betting(x: Numbers, v: Numbers, deltas: Sequence[float] = DELTAS_BPS) -> Float:
    """(...) the same after the last session; 0 without sessions."""
    return log_e_mean(betting_steps(x, v, deltas).sum(axis=-1))


def log_e_not_inferior(x: Numbers, v: Numbers, margin_bps: float) -> Float:
    """(...) log e-value of "dearer by less than the margin"; H0: dearer by the margin or more."""
    return log_e_betting(margin_bps - np.asarray(x, np.float64), v)


def log_e_by_part(x: Numbers, v: Numbers, part: Sequence[int] | npt.NDArray[np.int64], parts: int) -> float:
    """Log e-value of harm in the whole or in any of `parts` parts of the time; part (s) numbers each session's, from 0.

    Half of the first stake is on the whole, the other half shared by the parts, each of which starts at 1 when it
    begins and keeps what it has when it ends. So harm that comes late is not hidden by good early sessions, and the
    sum is an e-process over all parts together. A test that is merely begun anew each phase would spend alpha in each.
    """
    numbers, steps = np.asarray(part, np.int64), betting_steps(x, v)
    if steps.ndim != 2 or numbers.shape != steps.shape[1:] or (numbers < 0).any() or (numbers >= parts).any():
        raise ValueError(f"parts must be numbers from 0 to {parts - 1}, one a session, found {numbers.tolist()}")
    by_part = [log_e_mean(steps[:, numbers == one].sum(axis=-1)) for one in range(parts)]
    return float(log_e_mean(np.array([log_e_mean(steps.sum(axis=-1)), log_e_mean(np.array(by_part))])))


def rho_for(v_star: float, alpha: float) -> float:
    """Tuning of the one-sided mixture: sharpest where the information V is `v_star`."""
    level = 2.0 * np.log(1.0 / (2.0 * alpha))
    return float(v_star / (level + np.log1p(level)))


def log_e_mixture(s: Numbers, v: Numbers, rho: float) -> Float:
    """Log of the one-sided normal mixture at sums S and V; H0: the mean is 0 or below."""
    total, information = np.asarray(s, np.float64), np.asarray(v, np.float64) + rho
    root = total / np.sqrt(information)
    found: Float = 0.5 * np.log(4.0 * rho / information) + 0.5 * root**2 + log_ndtr(root)
    return found


def mixture_path(x: Numbers, v: Numbers, rho: float) -> Float:
    """(..., s) log e-value of the one-sided normal mixture after each session."""
    scores, variances = _checked(x, v)
    return log_e_mixture(np.cumsum(scores / variances, axis=-1), np.cumsum(1.0 / variances, axis=-1), rho)


def margin_two_sided(v: Numbers, rho: float, alpha: float) -> Float:
    """How large |S| may grow at information V before 0 is outside the confidence sequence."""
    information = np.asarray(v, np.float64)
    inner = np.log1p(information / rho) + 2.0 * np.log(1.0 / alpha)
    margin: Float = np.sqrt((information + rho) * inner)
    return margin


def confidence_sequence(x: Numbers, v: Numbers, alpha: float, sessions_star: int = 20) -> tuple[Float, Float]:
    """(s) low and (s) high bps after each session: the mean lies between them at all times at once, with 1 - alpha.

    Narrowest after about `sessions_star` sessions like the first. Rests on v: for pictures, not for decisions.
    """
    scores, variances = _checked(x, v)
    if scores.shape[-1] == 0:
        return np.empty(0), np.empty(0)
    information = np.cumsum(1.0 / variances, axis=-1)
    rho = rho_for(float(sessions_star / np.ravel(variances)[0]), alpha / 2.0)
    middle = np.cumsum(scores / variances, axis=-1) / information
    half = margin_two_sided(information, rho, alpha) / information
    return middle - half, middle + half


def log_e_sample_ratio(n: Numbers, m: Numbers, p: Numbers, strength: float = SAMPLE_RATIO_STRENGTH) -> Float:
    """(...) log e-value of "the share of the challenger is not p", from n units of it and m of the others.

    For one share only; phases with shares of their own multiply: add their logs.
    """
    ours, others, share = (np.asarray(one, np.float64) for one in (n, m, p))
    a, b = strength * share, strength * (1.0 - share)
    found: Float = betaln(a + ours, b + others) - betaln(a, b) - ours * np.log(share) - others * np.log1p(-share)
    return found


def log_e_exceedance(
    k: Numbers, n: Numbers, k0: Numbers, n0: Numbers, tolerated: float = 1.0, odds: Sequence[float] = ODDS
) -> float:
    """Log e-value of "challenger's units do it more than `tolerated` times as often as the champion's".

    k of n challenger's units did it, k0 of n0 of the champion's; numbers, or one a session. Units were drawn into arms
    one by one, so of the k + k0 that did it the challenger's are a draw with chance q = n / (n + n0), however units
    move together; drawing without replacement spreads less than a binomial (Hoeffding 1963, JASA 58, theorem 4), so

        prod_sessions (q_r / q)^k * ((1 - q_r) / (1 - q))^k0,   q_r = r n / (r n + n0),  averaged over odds r

    has mean 1 at most. Count a unit once, however many of its orders did it.
    """
    counts = [np.atleast_1d(np.asarray(one, np.float64)) for one in (k, n, k0, n0)]
    did, units, other_did, others = np.broadcast_arrays(*counts)
    if not all(np.isfinite(one).all() for one in counts):
        raise ValueError("a count is missing or not finite: hold, it cannot be tested")
    if (did > units).any() or (other_did > others).any() or min(did.min(initial=0.0), other_did.min(initial=0.0)) < 0.0:
        raise ValueError(
            f"counts do not fit: {did.tolist()} of {units.tolist()}, {other_did.tolist()} of {others.tolist()}"
        )
    weight = tolerated * units
    total = np.where(weight + others > 0.0, weight + others, 1.0)
    logs = [(did * np.log(r) - (did + other_did) * np.log1p((r - 1.0) * weight / total)).sum() for r in odds]
    return float(log_e_mean(np.array(logs)))


def e_limit(alpha: float, share: float = 1.0) -> float:
    """Where an e-value decides when it may spend `share` of alpha: 1 / (alpha * share)."""
    return 1.0 / (alpha * share)
