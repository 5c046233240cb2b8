"""Ed25519 signatures for what must not be forged: routing snapshots, stop files, approvals. Standard library and
cryptography.

    <home>/keys/<purpose>.key           private, mode 0600, made on first use
    <home>/keys/<purpose>.pub.d/<id>    every public key there ever was; <id>: digits of its SHA-256
    <home>/keys/<purpose>.since.json    since when each key that `rotate` made signs

What is signed is canonical JSON: sorted keys, no spaces, no NaN; the bytes that were signed are kept, so nothing
depends on writing them again in the same way. After `rotate` the old public key stays and verifies what it signed.
A private key that others can read signs nothing, stops apart: those can only reduce exposure, and nobody may be kept
from stopping by the mode of a file.

    >>> canonical({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from infra.errors import RefusedError
from infra.settings import Settings
from infra.times import stamp
from infra.whole_files import replace_file, write_new

__all__ = [
    "KeyAge", "Signed", "canonical", "digest_of", "keys_of", "loose", "read_signed", "replace_file", "rotate", "sign",
    "verified", "write_new", "write_signed",
]  # fmt: skip
PURPOSES = ("routing", "stop", "approval", "people")
ALWAYS_SIGNS = ("stop",)
KEY_ID_DIGITS = 16


@dataclass(frozen=True)
class Signed:
    """The text that was signed, its signature, and which key made it: digits of the SHA-256 of the public key."""

    payload: str
    signature: str
    key_id: str


@dataclass(frozen=True)
class KeyAge:
    """A key of a purpose. since: ISO 8601 in UTC, '' for the first one, made when it was first needed."""

    key_id: str
    since: str
    is_current: bool


def canonical(payload: Any) -> str:
    """Canonical JSON. Raises ValueError for NaN and infinities, TypeError for what JSON does not know."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest_of(payload: Any) -> str:
    """SHA-256 of the canonical JSON, hex."""
    return hashlib.sha256(canonical(payload).encode()).hexdigest()


def _refused(what: str, which: object, found: object, next_step: str) -> RefusedError:
    return RefusedError(what, which=which, found=found, allowed="what our own key signed", next_step=next_step)


def _key_id(public: Ed25519PublicKey) -> str:
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:KEY_ID_DIGITS]


def _key_path(settings: Settings, purpose: str) -> Path:
    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose}; allowed: {', '.join(PURPOSES)}")
    return settings.keys / f"{purpose}.key"


def loose(settings: Settings, purpose: str) -> str | None:
    """What is wrong with the modes of a key and its folder, and how to mend it; None when nothing is."""
    path = _key_path(settings, purpose)
    found = [(path, 0o077, "600"), (path.parent, 0o022, "700")]
    for place, forbidden, right in found:
        if place.exists() and (mode := stat.S_IMODE(place.stat().st_mode)) & forbidden:
            return f"{place} has mode {mode:04o}: chmod {right} {place}"
    return None


def _made(path: Path) -> None:
    """Make a key where there is none; of two processes at once one makes it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    write_new(path, raw, 0o600)


def _private_key(settings: Settings, purpose: str) -> Ed25519PrivateKey:
    path = _key_path(settings, purpose)
    if not path.exists():
        _made(path)
    words = loose(settings, purpose)
    if words is not None and purpose not in ALWAYS_SIGNS:
        raise RefusedError(
            "private key can be read by others, or replaced", which=f"{purpose} key", found=words.partition(":")[0],
            allowed="mode 0600 in a folder of mode 0700",
            next_step=f"{words.partition(': ')[2]}; if others were there, fillwise keys rotate {purpose}",
        )  # fmt: skip
    try:
        key = Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except ValueError:
        raise _refused(
            "private key is damaged", path, "other bytes than a key has", "restore it from a backup, or remove it"
        ) from None
    _keep_public(settings, purpose, key.public_key())
    return key


def _public_folder(settings: Settings, purpose: str) -> Path:
    return settings.keys / f"{purpose}.pub.d"


def _keep_public(settings: Settings, purpose: str, public: Ed25519PublicKey) -> None:
    path = _public_folder(settings, purpose) / _key_id(public)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, public.public_bytes(Encoding.Raw, PublicFormat.Raw))


def make_key(settings: Settings, purpose: str) -> str:
    """The id of a purpose's key, made now where there is none: a full disk must not meet a first use."""
    return _key_id(_private_key(settings, purpose).public_key())


def sign(settings: Settings, purpose: str, payload: Mapping[str, Any]) -> Signed:
    """Sign a payload with the key of a purpose, made on first use. Raises RefusedError for a loose or damaged key."""
    key, text = _private_key(settings, purpose), canonical(payload)
    return Signed(text, key.sign(f"{purpose}\n{text}".encode()).hex(), _key_id(key.public_key()))


def verified(settings: Settings, purpose: str, signed: Signed) -> dict[str, Any]:
    """What was signed. Raises RefusedError for an unknown key, another purpose's, or a payload that was changed."""
    path = _public_folder(settings, purpose) / Path(signed.key_id).name
    try:
        public = Ed25519PublicKey.from_public_bytes(path.read_bytes())
        signature = bytes.fromhex(signed.signature)
    except (OSError, ValueError):
        raise _refused(
            "signature by an unknown key", f"{purpose} key {signed.key_id[:32]!a}", "no such key", "who made it?"
        ) from None
    try:
        public.verify(signature, f"{purpose}\n{signed.payload}".encode())
    except InvalidSignature:
        raise _refused("signature does not fit", purpose, "a forged or changed payload", "who changed it?") from None
    found = json.loads(signed.payload)
    if not isinstance(found, dict):
        raise _refused("signed payload is no record", purpose, type(found).__name__, "who made it?")
    return found


def _since(settings: Settings, purpose: str) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((settings.keys / f"{purpose}.since.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def keys_of(settings: Settings, purpose: str) -> tuple[KeyAge, ...]:
    """Every key of a purpose, oldest first, the one that signs now last."""
    folder, since = _public_folder(settings, purpose), _since(settings, purpose)
    current = make_key(settings, purpose) if _key_path(settings, purpose).exists() else ""
    names = (path.name for path in folder.glob("[0-9a-f]*")) if folder.is_dir() else ()
    found = [KeyAge(name, since.get(name, ""), name == current) for name in names]
    return tuple(sorted(found, key=lambda key: (key.is_current, key.since, key.key_id)))


def rotate(settings: Settings, purpose: str, at: datetime) -> str:
    """A new key for a purpose, since `at`; the old public key stays for what it signed. The new key's id."""
    path = _key_path(settings, purpose)
    make_key(settings, purpose)
    fresh = Ed25519PrivateKey.generate()
    public = fresh.public_key()
    _keep_public(settings, purpose, public)
    told = {**_since(settings, purpose), _key_id(public): stamp(at)}
    replace_file(settings.keys / f"{purpose}.since.json", json.dumps(told, indent=1, sort_keys=True).encode())
    replace_file(path, fresh.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()), 0o600)
    return make_key(settings, purpose)


def write_signed(path: Path, signed: Signed) -> None:
    """Put a signed file in its place, whole."""
    replace_file(path, signed_bytes(signed))


def signed_bytes(signed: Signed) -> bytes:
    """A signed file's content."""
    return (json.dumps(asdict(signed), indent=1) + "\n").encode()


def read_signed(path: Path) -> Signed:
    """A signed file. Raises RefusedError when it is missing, torn or no such file; the signature is not yet checked."""
    try:
        told = json.loads(path.read_bytes())
        return Signed(str(told["payload"]), str(told["signature"]), str(told["key_id"]))
    except FileNotFoundError:
        raise _refused("signed file is missing", path.name, "nothing there", "is the controller running?") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refused("signed file cannot be read", path.name, type(error).__name__, "have it written again") from None
