"""Random numbers of the market model: our own small generators, whose state is an array that can be copied.

SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", OOPSLA, section 4): a counter
goes up by an odd constant, and a mixing function turns it into 64 bits. Two ways to draw:

* a **stream**, whose counter lives in an array: for what happens one after the other;
* a **hash** of fixed keys: for what must come out the same whatever was drawn before (an iceberg at a price, a
  session's close), so that two policies on the same day differ only where their orders make a difference.

It is not cryptographic, and Numba's and NumPy's global generators are not used: they cannot be seeded per day and
stream without touching each other.

    >>> 0.0 < uniform(new_stream(7, "AURA", "2026-01-05", "flow")) < 1.0
    True
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt
from numba import njit

Words = npt.NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_30, _SHIFT_27, _SHIFT_31, _SHIFT_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53
_TWO_PI = 2.0 * math.pi


def stream_seed(*keys: object) -> int:
    """64 bits from any printable keys: the first eight bytes of their SHA-256."""
    text = "\x1f".join(str(key) for key in keys)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def new_stream(*keys: object) -> Words:
    """(1) uint64, the state of a stream."""
    return np.array([stream_seed(*keys)], dtype=np.uint64)


@njit(cache=True, nogil=True)
def _mix(word: np.uint64) -> np.uint64:
    word = (word ^ (word >> _SHIFT_30)) * _MIX_1
    word = (word ^ (word >> _SHIFT_27)) * _MIX_2
    return word ^ (word >> _SHIFT_31)


@njit(cache=True, nogil=True)
def uniform(stream: Words) -> float:
    """Next number of a stream, an array of one word, in the open interval (0, 1)."""
    stream[0] += _STEP
    return (float(_mix(stream[0]) >> _SHIFT_11) + 0.5) * _UNIT


@njit(cache=True, nogil=True)
def normal(stream: Words) -> float:
    """Next standard normal of a stream (Box and Muller; two uniforms each, so that streams stay in step)."""
    radius = math.sqrt(-2.0 * math.log(uniform(stream)))
    return radius * math.cos(_TWO_PI * uniform(stream))


@njit(cache=True, nogil=True)
def hashed_uniform(seed: np.uint64, first: int, second: int) -> float:
    """A number in (0, 1) that depends on the three keys alone."""
    word = _mix(seed + np.uint64(first) * _STEP)
    word = _mix(word + (np.uint64(second) + np.uint64(1)) * _MIX_1)
    return (float(word >> _SHIFT_11) + 0.5) * _UNIT


@njit(cache=True, nogil=True)
def hashed_normal(seed: np.uint64, first: int, second: int) -> float:
    """A standard normal that depends on the three keys alone."""
    radius = math.sqrt(-2.0 * math.log(hashed_uniform(seed, first, 2 * second)))
    return radius * math.cos(_TWO_PI * hashed_uniform(seed, first, 2 * second + 1))
