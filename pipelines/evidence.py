"""`evidence.json`: what train and backtest found tonight, as plain numbers, for the page and for people.

Keys are listed in `pipelines/report_evidence.py`, its reader. Each step replaces its own section and leaves the others.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

from infra.registry import RegisteredVersion
from models.signal import HorizonQuality
from pipelines.report_inputs import EVIDENCE
from pipelines.step import StepContext


def write_section(context: StepContext, section: str, found: dict[str, Any]) -> None:
    """Replace one section, atomically."""
    path = context.page_folder(context.night) / EVIDENCE
    before = json.loads(path.read_text()) if path.exists() else {}
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps({**before, section: found}, indent=1, sort_keys=True, default=str) + "\n")
    os.replace(fresh, path)


def read_section(context: StepContext, section: str) -> dict[str, Any]:
    """One section, empty when its step has not run."""
    path = context.page_folder(context.night) / EVIDENCE
    found: dict[str, Any] = json.loads(path.read_text()).get(section, {}) if path.exists() else {}
    return found


def training_section(
    version: RegisteredVersion, facts: dict[str, Any], quality: tuple[HorizonQuality, ...], experiment_id: str
) -> dict[str, Any]:
    """The section `train`."""
    return {
        **facts,
        **asdict(version),
        "version": version.name,
        "experiment_id": experiment_id,
        "signal": [asdict(one) for one in quality],
    }
