"""What kind of change a recipe is, how large, and who must therefore agree. Pure.

    class of a change   the gravest of what differs: refit, new window, hyper-parameters, features, policy, code, ...
    distance            sum over what differs, in units in which 1 is as good as another model
    since approval      sum of the distances of every recipe accepted since the last independent approval, and this one

A class asks for persons; a sum above `MOST_SINCE_APPROVAL` asks for two and a new validation report, however small
this change is. So a significant change cannot be cut into slices that nobody looks at (PRA SS5/18, section 3), and one
that goes back and forth counts both ways. Distances are a yardstick, not a measurement: what a change does to orders is
measured by backtest, probes and rollout.

    >>> from dataclasses import replace
    >>> from models.policy import SIGNAL
    >>> from models.recipe import HyperParameters, Recipe
    >>> old = Recipe((("spread_bps", "1.a"),), (120,), "squared error", HyperParameters(), 250, SIGNAL, "c0de")
    >>> compare(old, replace(old, window_sessions=125)).name, compare(old, old).name
    ('new_window', 'refit')
    >>> judge_change([old], replace(old, window_sessions=125)).approvals
    1
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from models.recipe import Recipe

MOST_SINCE_APPROVAL = 1.0
"""One is where distances stop: as good as another model, and that is what independent persons validated."""
DOUBLED = 0.25
"""A number that is doubled or halved, because four such steps make another model: sixteen times the window."""
SWITCHED = 0.5
"""Something switched on or off, because two switches change what a policy is about."""
FEATURE_WEIGHT = 4.0
"""A quarter of the features replaced is another model: the trees' gain sits in a dozen of some forty."""
CODE_CHANGED = 0.34
"""Nobody can say how far code moved, so the third change of code since an approval asks for another one."""
WHOLE = 1.0


@dataclass(frozen=True)
class ChangeClass:
    """A kind of change: its name, persons who must agree before it trades, and why so many."""

    name: str
    approvals: int
    because: str


CLASSES: tuple[ChangeClass, ...] = (
    ChangeClass("refit", 0, "the same recipe on later days: its envelope decides"),
    ChangeClass("new_window", 1, "it learns from other days, with everything else as approved"),
    ChangeClass("new_hyper_space", 1, "it may fit more closely than what was approved"),
    ChangeClass("new_features", 1, "it reads what nobody looked at when it was approved"),
    ChangeClass("new_policy", 2, "what is sent to the market changes by design"),
    ChangeClass("new_code", 2, "a line of code may change anything"),
    ChangeClass("new_objective", 2, "it learns to predict something else"),
    ChangeClass("new_recipe", 2, "nothing of it was ever approved"),
)
"""From the mildest to the gravest; a change that is several is the gravest of them."""
BY_NAME = {one.name: one for one in CLASSES}


@dataclass(frozen=True)
class Difference:
    """One thing that differs: its class, its part of the distance, and what it was and is, in words."""

    name: str
    distance: float
    words: str


@dataclass(frozen=True)
class Change:
    """From one recipe to another. name: class of the gravest difference. approvals: persons that the class asks for."""

    name: str
    approvals: int
    because: str
    distance: float
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class ChangeVerdict:
    """Who must agree to a recipe. change: against the one accepted last. since_approval: distance summed since then.

    needs_new_report: an older validation report does not cover it. reasons: in words, each with its because.
    """

    change: Change
    approvals: int
    since_approval: float
    needs_new_report: bool
    reasons: tuple[str, ...]


def _number_distance(before: float, after: float) -> float:
    """Doublings between two numbers, in units of distance; from or to nought, or through it, it is a switch."""
    if before == after:
        return 0.0
    if before * after <= 0.0 or not math.isfinite(before) or not math.isfinite(after):
        return SWITCHED
    return min(WHOLE, DOUBLED * abs(math.log2(after / before)))


def _value_distance(before: Any, after: Any) -> float:
    if before == after:
        return 0.0
    if isinstance(before, list | tuple) and isinstance(after, list | tuple) and len(before) == len(after):
        return max(_value_distance(one, two) for one, two in zip(before, after, strict=True))
    if isinstance(before, bool) or not isinstance(before, int | float) or not isinstance(after, int | float):
        return SWITCHED
    return _number_distance(before, after)


def _fields(name: str, before: object, after: object, label: str) -> list[Difference]:
    """Fields of two dataclasses that differ. A name says nothing about what is done and has no distance."""
    was, now = asdict(before), asdict(after)  # type: ignore[call-overload]
    return [
        Difference(
            name,
            0.0 if field == "name" else _value_distance(was[field], now[field]),
            f"{label} {field}: {was[field]} to {now[field]}",
        )
        for field in was
        if was[field] != now[field]
    ]


def _features(before: Recipe, after: Recipe) -> list[Difference]:
    was, now = dict(before.features), dict(after.features)
    told = {
        "added": sorted(set(now) - set(was)),
        "removed": sorted(set(was) - set(now)),
        "defined anew": sorted(name for name in set(was) & set(now) if was[name] != now[name]),
    }
    touched = sum(len(names) for names in told.values())
    if not touched:
        return []
    words = "; ".join(f"{what} {', '.join(names)}" for what, names in told.items() if names)
    distance = min(WHOLE, FEATURE_WEIGHT * touched / max(1, len(set(was) | set(now))))
    return [Difference("new_features", distance, f"features {words}")]


def _window(before: Recipe, after: Recipe) -> list[Difference]:
    was, now = before.window_sessions, after.window_sessions
    words = f"window {was} to {now} sessions"
    return [] if was == now else [Difference("new_window", _number_distance(was, now), words)]


def _hyper(before: Recipe, after: Recipe) -> list[Difference]:
    return _fields("new_hyper_space", before.hyper, after.hyper, "hyper-parameter")


def _policy(before: Recipe, after: Recipe) -> list[Difference]:
    return _fields("new_policy", before.policy, after.policy, "policy")


def _code(before: Recipe, after: Recipe) -> list[Difference]:
    was, now = before.code_sha256, after.code_sha256
    return [] if was == now else [Difference("new_code", CODE_CHANGED, f"code {was[:8]} to {now[:8]}")]


def _objective(before: Recipe, after: Recipe) -> list[Difference]:
    found = []
    for label, was, now in (
        ("objective", before.objective, after.objective),
        ("horizons", before.horizons_seconds, after.horizons_seconds),
    ):
        if was != now:
            found.append(Difference("new_objective", WHOLE, f"{label} {was} to {now}"))
    return found


PARTS: tuple[Callable[[Recipe, Recipe], list[Difference]], ...] = (
    _objective, _code, _policy, _features, _hyper, _window,
)  # fmt: skip


def compare(before: Recipe | None, after: Recipe | None) -> Change:
    """What differs between two recipes. None is the benchmark policy, or a recipe that cannot be read: all differs."""
    if before is None or after is None:
        found = [Difference("new_recipe", WHOLE, "nothing of it can be held against what was accepted before")]
    else:
        found = [difference for part in PARTS for difference in part(before, after)]
    order = [one.name for one in CLASSES]
    gravest = BY_NAME[max((one.name for one in found), key=order.index, default="refit")]
    distance = sum(one.distance for one in found)
    return Change(gravest.name, gravest.approvals, gravest.because, distance, tuple(found))


def judge_change(accepted: Sequence[Recipe | None], after: Recipe) -> ChangeVerdict:
    """Who must agree to `after`.

    accepted: recipes in the order they went into production, the one that was last approved independently first, the
    present one last. None stands for the benchmark policy, and for a recipe that this checkout cannot read.
    """
    path = [*(accepted or [None]), after]
    steps = [compare(one, two) for one, two in itertools.pairwise(path)]
    change, total = steps[-1], sum(step.distance for step in steps)
    is_much = total > MOST_SINCE_APPROVAL and len(steps) > 1
    said = f"{change.name}: {change.approvals} persons, because {change.because}"
    reasons = [said, *(f"{one.words} (distance {one.distance:.2f})" for one in change.differences)]
    if is_much:
        reasons.append(
            f"{len(steps)} changes since the last independent approval add up to {total:.2f}, allowed "
            f"{MOST_SINCE_APPROVAL:g}: two persons and a new validation report, because many small changes are one "
            "large one"
        )
    return ChangeVerdict(change, 2 if is_much else change.approvals, total, is_much, tuple(reasons))
