"""`fillwise features`: the catalog as it stands in the code, or one feature with its formula and source, or the page.

Everything comes from the catalogs by iteration, so a new row is printed by itself.
"""

from __future__ import annotations

import inspect
import sys

from features.catalog import CATALOG, Feature
from features.order import ORDER_CATALOG
from infra.errors import UsageError
from infra.lake import Lake
from pipelines.runner import Run
from pipelines.step import StepContext

EVERY = (*CATALOG, *ORDER_CATALOG)


def _range(feature: Feature) -> str:
    return f"{feature.low:g} … {feature.high:g}"


def _lines(feature: Feature) -> list[str]:
    """A feature in the list: a line of figures, its meaning, and where it is null and what it needs."""
    window = "" if feature.window_seconds is None else f"{feature.window_seconds} s"
    head = f"{feature.name:28} {feature.unit:12} {window:7} {_range(feature):24}"
    return [
        f"{head} version {feature.full_version}, since {feature.since}, {feature.owner}",
        f"    {feature.meaning}",
        f"    {feature.null_rule}; needs {', '.join(feature.inputs)}",
    ]


def definition(feature: Feature) -> str:
    """What the feature's function says, formula and all."""
    return inspect.cleandoc(feature.function.__doc__ or "")


def source(feature: Feature) -> str:
    """What the file that defines it says: formulas that several features share, and where they come from."""
    return inspect.cleandoc(sys.modules[feature.function.__module__].__doc__ or "")


def source_file(feature: Feature) -> str:
    """The file that defines it, from the project's root."""
    return feature.function.__module__.replace(".", "/") + ".py"


def describe_feature(feature: Feature) -> str:
    """One feature in full: its row of the catalog, its definition, and the formulas and sources of its file."""
    facts = {
        "unit": feature.unit or "none",
        "range": _range(feature),
        "null rule": feature.null_rule,
        "inputs": ", ".join(feature.inputs),
        "window": "none" if feature.window_seconds is None else f"{feature.window_seconds} s",
        "version": f"{feature.full_version}, since {feature.since}",
        "owner": feature.owner,
    }
    rows = [f"  {name:10} {value}" for name, value in facts.items()]
    return "\n".join([feature.name, *rows, "", definition(feature), "", f"{source_file(feature)}:", source(feature)])


def _named(name: str) -> Feature:
    found = {feature.name: feature for feature in EVERY}
    if name not in found:
        raise UsageError(
            "unknown feature",
            which=name,
            found=name,
            allowed=", ".join(found),
            next_step="`fillwise features` lists them with their meaning",
        )
    return found[name]


def print_features(name: str | None) -> int:
    """Print the catalogs, or one feature in full. Raises UsageError for a name that is none."""
    if name is not None:
        print(describe_feature(_named(name)))
        return 0
    for title, catalog in (("of a book row (gold.features)", CATALOG), ("of an order at a decision", ORDER_CATALOG)):
        print(f"{len(catalog)} features {title}:\n")
        print("\n".join(line for feature in catalog for line in _lines(feature)) + "\n")
    return 0


def print_page(run: Run) -> int:
    """Write the features page of the market as of the run's last session, and say where it lies."""
    from pipelines.feature_page import write_page

    context = StepContext(run.settings, run.market, run.days, Lake(run.settings.lake))
    print(f"page {write_page(context)}")
    return 0
