"""What desks obey, as data: arms with their versions and shares, limits, clients who opted in, how long it holds.

>>> arms = (RoutedArm("champion", "sample.execution/0", "d0", "benchmark", 1.0),)
>>> snapshot_faults(Snapshot("sample", 1, None, "steady", "s", arms, {}, (), "t", "t", 1, "h", "desk"))
()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

ARMS = ("champion", "challenger", "benchmark")
PHASE_CAPS = {
    "steady": 0.0, "shadow": 0.0, "canary_1": 0.01, "canary_5": 0.05, "canary_10": 0.10, "expand_25": 0.25,
    "expand_50": 0.50, "baking": 0.95,
}  # fmt: skip
"""Most of the eligible units that the challenger may have in a phase: a desk takes nobody's word for more."""


@dataclass(frozen=True)
class RoutedArm:
    """One arm: what works it, by name and digest, and its part of eligible units."""

    arm: str
    version: str
    digest: str
    recipe_id: str
    share: float


@dataclass(frozen=True)
class Snapshot:
    """What desks obey. limits: version -> its limits as data. accounts: clients who opted in. purpose: desk or
    simulation.

    ledger_sequence, ledger_hash: head of the ledger that it follows from. shadow: the version that decides without
    sending, None for none.
    """

    market: str
    epoch: int
    rollout_id: str | None
    phase: str
    salt: str
    arms: tuple[RoutedArm, ...]
    limits: Mapping[str, Mapping[str, Any]]
    accounts: tuple[str, ...]
    issued_at: str
    expires_at: str
    ledger_sequence: int
    ledger_hash: str
    purpose: str
    shadow: RoutedArm | None = None

    @property
    def champion(self) -> RoutedArm:
        return next(one for one in self.arms if one.arm == "champion")


def _share_faults(snapshot: Snapshot) -> list[str]:
    shares = {one.arm: one.share for one in snapshot.arms}
    found = []
    if not abs(sum(shares.values()) - 1.0) <= 1e-9 or not all(share >= 0.0 for share in shares.values()):
        found.append(f"shares {', '.join(f'{share:g}' for share in shares.values())} do not sum to one")
    given, most = shares.get("challenger", 0.0), PHASE_CAPS.get(snapshot.phase)
    if most is None:
        found.append(f"unknown phase {snapshot.phase}; allowed: {', '.join(PHASE_CAPS)}")
    elif not given <= most + 1e-9:
        found.append(f"the challenger has {given:g} of units, phase {snapshot.phase} allows {most:g}")
    return found


def snapshot_faults(snapshot: Snapshot) -> tuple[str, ...]:
    """Why a snapshot can be obeyed by nobody; empty when it can."""
    names = [one.arm for one in snapshot.arms]
    found = []
    if names.count("champion") != 1 or len(set(names)) != len(names) or set(names) - set(ARMS):
        found.append(f"arms {', '.join(names)}; allowed: one champion, {', '.join(ARMS)} each once")
    found += _share_faults(snapshot)
    challenger = next((one for one in snapshot.arms if one.arm == "challenger"), None)
    if challenger is not None and challenger.version not in snapshot.limits:
        found.append(f"{challenger.version} has no limits")
    return tuple(found)


def snapshot_from(told: Mapping[str, Any]) -> Snapshot:
    """A snapshot from its payload. Raises TypeError or KeyError for another shape."""
    arms = tuple(RoutedArm(**one) for one in told["arms"])
    shadow = None if told["shadow"] is None else RoutedArm(**told["shadow"])
    return Snapshot(**{**told, "arms": arms, "accounts": tuple(told["accounts"]), "shadow": shadow})


def champion_only(snapshot: Snapshot) -> Snapshot:
    """The same with the champion alone: what a desk goes on with when nothing newer can be trusted."""
    return replace(snapshot, arms=(replace(snapshot.champion, share=1.0),), shadow=None)
