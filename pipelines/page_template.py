"""The one jinja2 environment of our pages: everything is escaped, a missing name is an error, numbers print alike."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).resolve().parent / "templates"
DASH = "–"
FEATURES_PAGE = "features.html"
"""Name of a market's features page, beside the folders of its nights."""


def signed(value: float | None, digits: int = 2) -> str:
    """`+0.40`, `−0.90`, `0.00`, or a dash where there is no figure."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0.0 else text.replace("-", "−")


def plain(value: float | None, digits: int = 2) -> str:
    """`1,234.50`, or a dash where there is no figure."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:,.{digits}f}".replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    """`93.1 %` for 0.931, or a dash where there is no figure."""
    return DASH if value is None or not math.isfinite(value) else f"{100 * value:.{digits}f} %"


def page_environment() -> Environment:
    """Templates of `pipelines/templates`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"signed": signed, "plain": plain, "percent": percent}
    return environment
