"""Codes: what a person shows instead of their secret, good for one card and one decision. Pure.

    code = first digits of HMAC-SHA256(secret, card digest ‖ decision), in base 32

What is typed into a form is stored and shown by others, so no secret may be typed there. A code that was seen by
somebody is worth nothing: for another card, or for the other answer to this one, it is another code.

    >>> code = code_for("secret", "card", "approve")
    >>> is_code(written_code(code).lower(), "secret", "card", "approve"), is_code(code, "secret", "card", "reject")
    (True, False)
"""

from __future__ import annotations

import base64
import hashlib
import hmac

CODE_DIGITS = 12
"""Sixty bits: five wrong tries lock a card for a person, so guessing is one in 2e17."""
GROUP = 4


def code_for(secret: str, card_sha256: str, decision: str) -> str:
    """The code that lets a person give one answer to one card, and nothing else."""
    mac = hmac.new(secret.encode(), f"{card_sha256}|{decision}".encode(), hashlib.sha256).digest()
    return base64.b32encode(mac).decode()[:CODE_DIGITS]


def written_code(code: str) -> str:
    """A code as a person reads it: in groups of four."""
    return "-".join(code[place : place + GROUP] for place in range(0, len(code), GROUP))


def is_code(code: str, secret: str, card_sha256: str, decision: str) -> bool:
    """Whether the code is that person's for that answer; in constant time. Groups and case are how it was typed."""
    typed = "".join(code.split()).replace("-", "").upper()
    return hmac.compare_digest(typed.encode(), code_for(secret, card_sha256, decision).encode())
