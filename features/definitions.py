"""What a feature is, as a digest: its function, all that this calls, and how the engine keeps what it asks for.

Source is compared as syntax without docstrings, so that a comment or a line break changes nothing, while a changed
formula, constant, window or filter does, in whichever file it stands. The digest is part of a feature's version
(`catalog.Feature.full_version`): nobody has to remember to raise it, a model is never served a feature that means
something else than what it was trained on, and sketches of two definitions are never added up.

    >>> from features.book import ask_slope, bid_slope
    >>> len(definition_digest(bid_slope)), definition_digest(bid_slope) == definition_digest(ask_slope)
    (8, False)
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from features import kernel_state, microprice, outside, regime, regime_fit, windows
from features.measures import FILTERED, MEASURES, OUTSIDE, Function, arguments, plain

CONSTANTS = (int, float, str, bytes, bool, tuple)
KEPT_FOR_ALL: tuple[Function, ...] = (
    kernel_state.begin_row,
    kernel_state.count_trade,
    windows.decay,
    windows.add,
    windows.hold,
    windows.one_where_known,
)
KEPT_FOR_INPUT: dict[str, tuple[Function, ...]] = {
    "fit": (microprice.count_transitions, microprice.fit_microprice),
    **dict.fromkeys(FILTERED, (regime.start_regime, regime.see_row, regime_fit.fit_axis)),
    **dict.fromkeys(OUTSIDE, (outside.count_signal,)),
}


def _measures_of(argument: str) -> Iterator[Function]:
    for measure in MEASURES:
        is_asked = argument == measure.name or argument.startswith((f"{measure.name}_sum", f"{measure.name}_mean"))
        if is_asked and measure.function is not None:
            yield measure.function


def _asked(function: Function) -> Iterator[Function]:
    """What the engine computes because of the function's arguments."""
    yield from KEPT_FOR_ALL
    for argument in arguments(function):
        yield from KEPT_FOR_INPUT.get(argument, ())
        for measure in _measures_of(argument):
            yield measure
            yield from _asked(measure)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


@cache
def _syntax(function: FunctionType) -> str:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if isinstance(tree, ast.FunctionDef):
        tree.decorator_list = []
        is_documented = isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant)
        tree.body = tree.body[1:] if is_documented and len(tree.body) > 1 else tree.body
    return ast.dump(tree)


def _collect(function: Function, found: dict[str, str]) -> None:
    """The syntax of a function of `features/`, and of all that it names, by name; constants by their value."""
    inner: Any = plain(function)
    name = f"{inner.__module__}.{inner.__qualname__}"
    if name in found:
        return
    found[name] = _syntax(inner)
    for named in sorted(set(_names(inner.__code__))):
        value = inner.__globals__.get(named)
        if isinstance(plain(value), FunctionType) and plain(value).__module__.startswith("features."):
            _collect(value, found)
        elif isinstance(value, CONSTANTS):
            found[f"{inner.__module__}.{named}"] = repr(value)


def definition_digest(function: Function) -> str:
    """Eight hex digits; the same digest is the same feature, bit for bit, over the same window."""
    found: dict[str, str] = {}
    for one in (function, *_asked(function)):
        _collect(one, found)
    text = "\n".join(f"{name} {found[name]}" for name in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
