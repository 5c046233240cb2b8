"""The compiled loop of `plan_simulation.py`: one rollout after the other, evening by evening, by the verdict's rules.

`evening` is what `rollout/verdict.py` says of scores and units, in numbers; a test holds the two against each other on
the same sessions. Guardrails, drift and people are not in it: a rollout is simulated as if a person agreed at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
GOES_ON, PROMOTED, ROLLED_BACK, ASKED = 0, 1, 2, 3
BETTING, NAIVE_Z, NAIVE_POOLED = 0, 1, 2
SHARE, SESSIONS, UNITS, LARGE, BINDING, STOP = 0, 1, 2, 3, 4, 5
NAIVE_LIMIT = 1.6449
"""5 % of a normal, one-sided: what somebody who looks at today's z would use."""
DRAWN = 48
"""Units drawn one by one; the mean of more is that of 48, scaled, which leaves its tails heavier than they are."""


class Levels(NamedTuple):
    """Constants of the verdict and its tests: arguments, because a compiled function that is kept sees no change.

    deltas (d): effect sizes. clip, most: where scores are cut and how much is bet. caution, leaning, evidence: e-values
    and share of `rollout/verdict.py`. stop_sigmas, stop_bps: of the one-session stop.
    """

    deltas: Float
    clip: float
    most: float
    caution: float
    leaning: float
    evidence: float
    stop_sigmas: float
    stop_bps: float


class Rules(NamedTuple):
    """The plan in numbers. phases (p, 6): share, sessions, units, large units, binding 0 to 2, stop in currency."""

    phases: Float
    harm_limit: float
    shown_limit: float
    margin: float
    winsor: float
    sessions_most: int
    holdout: float
    rule: int
    levels: Levels


class World(NamedTuple):
    """Flow and truth in numbers. planned_tau goes into v, tau is what happens; phi: its memory from day to day.

    noise (q): equally likely values of a unit's own noise, variance one.
    """

    units: float
    sigma: float
    cluster_share: float
    cluster_units: float
    noise: Float
    large_share: float
    unit_notional: float
    planned_tau: float
    effect: float
    crowding: float
    tau: float
    phi: float
    day_shock: float


class State(NamedTuple):
    """One rollout. wealth (1 + p, d): logs of the bets on harm in all and in each phase; shown (d): on not inferior.

    counts: phase, sessions in it, units in it, large units in it, sessions in all. naive: sums for the naive rules.
    """

    wealth: Float
    shown: Float
    counts: Long
    naive: Float


@njit(cache=True)
def _log_mean_exp(logs: Float) -> float:
    top = logs.max()
    return top + np.log(np.exp(logs - top).mean())


@njit(cache=True)
def _bet(levels: Levels, logs: Float, x: float, v: float) -> None:
    limit = levels.clip * np.sqrt(v)
    cut = min(limit, max(-limit, x))
    for place in range(len(logs)):
        size = levels.deltas[place]
        logs[place] += np.log1p(min(size / (v + size * size), levels.most / limit) * cut)


@njit(cache=True)
def harm_log_e(wealth: Float, phases: Float) -> float:
    """The same as `sequential.log_e_by_part`: half on all sessions, half shared by the live phases."""
    whole, parts = _log_mean_exp(wealth[0]), np.empty(int((phases[:, SHARE] > 0.0).sum()))
    for part in range(len(parts)):
        parts[part] = _log_mean_exp(wealth[len(wealth) - len(parts) + part])
    return _log_mean_exp(np.array([whole, _log_mean_exp(parts)]))


@njit(cache=True)
def _waits(rules: Rules, state: State, row: Float, harm: float, shown: float) -> bool:
    counts = state.counts
    if counts[1] < row[SESSIONS] or counts[2] < row[UNITS] or counts[3] < row[LARGE]:
        return True
    if rules.rule != BETTING:
        return row[BINDING] == 2.0 and shown < NAIVE_LIMIT
    if row[BINDING] == 2.0 and shown < np.log(rules.shown_limit):
        return True
    if row[BINDING] == 1.0 and shown < np.log(rules.levels.leaning):
        return True
    return harm >= np.log(rules.levels.caution)


@njit(cache=True)
def _naive(rules: Rules, state: State) -> tuple[float, float]:
    """z of harm and z of "not inferior" of the naive rules: from x and v, or from means over all units so far."""
    sums = state.naive
    if rules.rule == NAIVE_Z:
        root = np.sqrt(sums[1])
        return (0.0, 0.0) if root == 0.0 else (sums[0] / root, (rules.margin * sums[1] - sums[0]) / root)
    if sums[3] == 0.0 or sums[5] == 0.0:
        return 0.0, 0.0
    gap, error = sums[2] / sums[3] - sums[4] / sums[5], np.sqrt(sums[6] * (1.0 / sums[3] + 1.0 / sums[5]))
    return gap / error, (rules.margin - gap) / error


@njit(cache=True)
def evening(rules: Rules, state: State, x: float, v: float, units: int, large: int, excess: float) -> int:
    """What the evening says. v = 0: no score for the session, which counts and holds."""
    counts, row, levels = state.counts, rules.phases[state.counts[0]], rules.levels
    counts[1], counts[2], counts[3], counts[4] = counts[1] + 1, counts[2] + units, counts[3] + large, counts[4] + 1
    if v > 0.0:
        cut = min(rules.winsor, max(-rules.winsor, x))
        _bet(levels, state.wealth[0], cut, v)
        _bet(levels, state.wealth[1 + counts[0]], cut, v)
        if row[SHARE] >= levels.evidence:
            _bet(levels, state.shown, rules.margin - cut, v)
    harm, shown = harm_log_e(state.wealth, rules.phases), _log_mean_exp(state.shown)
    if rules.rule != BETTING:
        harm, shown = _naive(rules, state)
        is_harm = harm > NAIVE_LIMIT and v > 0.0
    else:
        is_far = x > levels.stop_bps and x > levels.stop_sigmas * np.sqrt(v)
        is_harm = (v > 0.0 and (is_far or excess > row[STOP])) or harm >= np.log(rules.harm_limit)
    if is_harm:
        return ROLLED_BACK
    if row[SHARE] > 0.0 and v <= 0.0:
        return GOES_ON
    if _waits(rules, state, row, harm, shown):
        return ASKED if counts[4] >= rules.sessions_most else GOES_ON
    if counts[0] + 1 == len(rules.phases):
        return PROMOTED
    counts[0], counts[1], counts[2], counts[3] = counts[0] + 1, 0, 0, 0
    return GOES_ON


@njit(cache=True)
def _arm_noise(world: World, shocks: Float, units: int) -> float:
    """Mean noise of `units` units, of which `DRAWN` at most are drawn."""
    drawn, total = min(units, DRAWN), 0.0
    own, shared = np.sqrt(1.0 - world.cluster_share), np.sqrt(world.cluster_share)
    for _ in range(drawn):
        alone = world.noise[int(np.random.random() * len(world.noise))]
        total += own * alone + shared * shocks[int(np.random.random() * len(shocks))]
    return world.sigma * total / drawn * np.sqrt(drawn / units)


@njit(cache=True)
def _session(rules: Rules, world: World, state: State, memory: float) -> tuple[float, float, int, float]:
    """Score, planned variance, challenger's units and true effect of one session in the present phase."""
    share, total = rules.phases[state.counts[0], SHARE], round(world.units)
    ours = np.random.binomial(total, share) if share > 0.0 else 0
    others = np.random.binomial(total - ours, max(0.0, 1.0 - rules.holdout / (1.0 - share)))
    effect = world.effect + world.crowding * share + world.tau * memory
    if ours == 0 or others == 0:
        return 0.0, 0.0, ours, effect
    shocks = np.random.standard_normal(max(1, round(total / world.cluster_units)))
    day = world.day_shock * np.random.standard_normal()
    own, champion = day + effect + _arm_noise(world, shocks, ours), day + _arm_noise(world, shocks, others)
    plain = world.sigma**2 * (1.0 / ours + 1.0 / others)
    state.naive[0] += (own - champion) / plain
    state.naive[1] += 1.0 / plain
    state.naive[2] += own * ours
    state.naive[3] += ours
    state.naive[4] += champion * others
    state.naive[5] += others
    state.naive[6] = world.sigma**2
    return own - champion, plain + world.planned_tau**2, ours, effect


@njit(cache=True)
def new_state(phases: int, sizes: int) -> State:
    """A rollout before its first session."""
    return State(np.zeros((1 + phases, sizes)), np.zeros(sizes), np.zeros(5, np.int64), np.zeros(7))


@njit(cache=True)
def run_rollouts(rules: Rules, world: World, runs: int, seed: int) -> tuple[Long, Long, Long, Float]:
    """(runs) outcome, sessions, challenger's units, and (runs, p) true extra cost of each phase in currency."""
    np.random.seed(seed)
    phases = len(rules.phases)
    ends, sessions, units = np.empty(runs, np.int64), np.empty(runs, np.int64), np.zeros(runs, np.int64)
    costs = np.zeros((runs, phases))
    for run in range(runs):
        state, memory, said = new_state(phases, len(rules.levels.deltas)), np.random.standard_normal(), GOES_ON
        for _ in range(rules.sessions_most * 2):
            phase = state.counts[0]
            x, v, ours, effect = _session(rules, world, state, memory)
            units[run] += ours
            costs[run, phase] += effect * 1e-4 * ours * world.unit_notional
            large = np.random.binomial(ours, world.large_share) if ours else 0
            said = evening(rules, state, x, v, ours, large, x * 1e-4 * ours * world.unit_notional)
            if said != GOES_ON:
                break
            memory = world.phi * memory + np.sqrt(1.0 - world.phi**2) * np.random.standard_normal()
        ends[run], sessions[run] = said if said != GOES_ON else ASKED, state.counts[4]
    return ends, sessions, units, costs
