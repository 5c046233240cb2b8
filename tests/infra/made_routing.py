"""A snapshot, a stop, and what may be done to their files."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from infra.routing_files import RoutedArm, Snapshot, routing_folder
from infra.settings import Settings
from infra.signing import sign, write_signed
from infra.stop_files import Stop

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
CHAMPION = RoutedArm("champion", "sample.execution/0", "d0", "benchmark", 0.9)
CHALLENGER = RoutedArm("challenger", "sample.execution/5", "d5", "r5", 0.1)
LIMITS = {"symbols": ["AURA"], "order_notional": 1e6}
STOP = Stop("sample.r1-rollback", "sample", "rollback", "version", "sample.execution/5", "tom", "why", "2026-11-20")


def snapshot(epoch: int = 1, **others: object) -> Snapshot:
    made = Snapshot(
        "sample", epoch, "sample.r1", "canary_10", "salt", (CHALLENGER, CHAMPION), {"sample.execution/5": LIMITS},
        ("ACCOUNT-01",), "2026-11-20T14:00:00Z", "2026-11-21T14:00:00Z", 7, "h", "desk",
    )  # fmt: skip
    return replace(made, **others)  # type: ignore[arg-type]


def put(home: Settings, told: Snapshot, market: str = "sample") -> None:
    """Signed by our own key, past the publisher's own checks."""
    write_signed(routing_folder(home, market) / "snapshot.json", sign(home, "routing", asdict(told)))


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def forged(path: Path) -> None:
    told = json.loads(path.read_text())
    told["payload"] = told["payload"].replace('"share":0.1', '"share":0.2').replace('"share":0.9', '"share":0.8')
    path.write_text(json.dumps(told))


def by_a_stranger(path: Path) -> None:
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "key_id": "0123456789abcdef"}))


def started(code: str, *words: str) -> subprocess.Popen[str]:
    """Another process that runs this code."""
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
