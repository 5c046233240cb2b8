"""Versions that this desk may trade with: those of the snapshot in force, loaded by digest, and nothing else.

A version that cannot be used (its files were altered, it was trained on other features, `FAILURES` answers in a row are
late or no number) is set aside with the reason until another snapshot comes; its decisions go to the champion, and
where that cannot be used either, to the benchmark policy, which needs neither files nor a score. One answer that is
late or no number costs its decision alone.

Scores are asked of a thread of their own and waited for no longer than `SCORE_SECONDS`: a scorer that hangs costs that
wait, and its thread is left behind. (XGBoost computes outside the interpreter's lock. Code
that never gave the lock back would stop the whole process; then nothing new is sent, and the read-back of the fleet
names the desk that has gone silent.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import numpy as np

from features.engine import FEATURE_NAMES
from infra.errors import FillwiseError
from infra.settings import Settings
from models.limits_guard import MOST_SIGNAL_BPS
from models.policy import Row
from models.version import PolicyInForce, benchmark_policy
from pipelines.desk.live_worker import Worker
from pipelines.desk.paper_signal import Predict, predictor
from pipelines.desk.served import Matrix
from pipelines.versions import load_by_digest

SCORE_SECONDS = 0.2
"""A score takes a fraction of a millisecond; champion after challenger must still leave the stop its second."""
LOAD_SECONDS = 20.0
FAILURES = 3
"""One late answer is a busy machine; the third in a row is the version's own."""
Key = tuple[str, str]
Load = Callable[[str, str], PolicyInForce]


@dataclass(frozen=True)
class Usable:
    """One version, ready. It is never changed: a decision holds one of these from beginning to end.

    row: what the compiled rule reads. predict: (s, k) vectors of the catalog's features -> (s) signal in bps.
    """

    version: str
    digest: str
    row: Row
    reads_signal: bool
    predict: Predict


@dataclass(frozen=True)
class Scored:
    """A signal in bps, or why there is none."""

    signal_bps: float
    reason: str | None = None


def usable(policy: PolicyInForce) -> Usable:
    """A loaded policy, ready to decide. Raises ValueError for parameters or a probe's score that are no numbers."""
    row, reads_signal = policy.parameters.to_array(), policy.parameters.reads_signal and policy.signal is not None
    if not np.isfinite(row).all():
        raise ValueError("its parameters are no numbers")
    found = Usable(policy.version, policy.digest, row, reads_signal, predictor(policy))
    if reads_signal and not math.isfinite(_score(found, np.zeros((1, len(FEATURE_NAMES)), np.float32))):
        raise ValueError("its score of a probe is no number")
    return found


def _score(one: Usable, vector: Matrix) -> float:
    return float(one.predict(vector)[0])


def disk_loader(settings: Settings, market: str) -> Load:
    """Reads a version below the state folder by its digest; neither registry nor network is asked."""

    return partial(load_by_digest, settings.registry, market)


class Versions:
    """The versions in hand. `load(version, digest)` reads one; `refusals` says why one is set aside."""

    def __init__(self, market: str, load: Load, score_seconds: float = SCORE_SECONDS) -> None:
        self._load, self._score_seconds = load, score_seconds
        self.benchmark = usable(benchmark_policy(market))
        self.refusals: dict[Key, str] = {}
        self._ready: dict[Key, Usable] = {}
        self._loading: dict[Key, Future[Usable]] = {}
        self._failed: dict[Key, int] = {}
        self._loader, self._scorer = Worker(), Worker()

    def prepare(self, wanted: Iterable[Key]) -> None:
        """Begin to load what is not in hand; what was set aside gets another chance."""
        for key in wanted:
            self.refusals.pop(key, None)
            self._failed.pop(key, None)
            if key == (self.benchmark.version, self.benchmark.digest):
                self._ready[key] = self.benchmark
            elif key not in self._ready and key not in self._loading:
                self._loading[key] = self._loader.submit(partial(self._loaded, key))

    def _loaded(self, key: Key) -> Usable:
        return usable(self._load(*key))

    def is_ready(self, wanted: Iterable[Key]) -> bool:
        """Whether each is in hand or set aside."""
        self._gather()
        return all(key in self._ready or key in self.refusals for key in wanted)

    def give_up(self, wanted: Iterable[Key]) -> None:
        """Set aside what has not come."""
        for key in wanted:
            if key in self._loading:
                self._loading.pop(key)
                self._loader = Worker()
                self.refusals[key] = "it could not be loaded in time"

    def keep_only(self, wanted: Iterable[Key]) -> None:
        """Forget every version that is not routed: a retired one cannot trade."""
        kept = set(wanted)
        self._ready = {key: one for key, one in self._ready.items() if key in kept}
        self.refusals = {key: why for key, why in self.refusals.items() if key in kept}

    def get(self, key: Key) -> Usable | None:
        """The version of that name and digest, None when it is not routed or set aside."""
        return None if key in self.refusals else self._ready.get(key)

    def in_hand(self) -> Mapping[str, str]:
        """Version -> digest of what could trade now."""
        return {version: digest for (version, digest) in self._ready if (version, digest) not in self.refusals}

    def score(self, one: Usable, vector: Matrix) -> Scored:
        """What a version reads out of a vector, or why there is no answer that can be used."""
        waiting = self._scorer.submit(partial(_score, one, vector))
        try:
            found = waiting.result(self._score_seconds)
        except TimeoutError:
            self._scorer = Worker()
            return self._failure(one, f"no score within {self._score_seconds:g} s")
        except Exception as error:
            return self._failure(one, f"its score failed: {type(error).__name__}: {error}")
        if not math.isfinite(found) or abs(found) > MOST_SIGNAL_BPS:
            return self._failure(one, f"its score is {found}, no number of bps")
        self._failed.pop((one.version, one.digest), None)
        return Scored(found)

    def _failure(self, one: Usable, reason: str) -> Scored:
        key = (one.version, one.digest)
        self._failed[key] = self._failed.get(key, 0) + 1
        if self._failed[key] >= FAILURES:
            self.refusals[key] = f"{reason}, {FAILURES} times in a row"
        return Scored(math.nan, reason)

    def _gather(self) -> None:
        for key, waiting in list(self._loading.items()):
            if not waiting.done():
                continue
            self._loading.pop(key)
            try:
                found = waiting.result()
            except (FillwiseError, ValueError, KeyError, OSError) as error:
                self.refusals[key] = str(error)
                continue
            if (found.version, found.digest) == key:
                self._ready[key] = found
            else:
                self.refusals[key] = f"asked for {key[0]} {key[1][:16]}, got {found.version} {found.digest[:16]}"
