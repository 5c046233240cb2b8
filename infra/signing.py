"""Ed25519 signatures for what must not be forged: routing snapshots, stop files, approvals. Standard library and
cryptography.

One key pair a purpose, made on first use below `<home>/keys`: the private key with mode 0600, the public one beside it.
What is signed is canonical JSON: sorted keys, no spaces, no NaN; the bytes that were signed are kept, so nothing
depends on writing them again in the same way. After `rotate` the old public key stays and verifies what it signed.

    >>> canonical({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from infra.errors import RefusedError
from infra.settings import Settings

PURPOSES = ("routing", "stop", "approval", "people")
KEY_ID_DIGITS = 16


@dataclass(frozen=True)
class Signed:
    """The text that was signed, its signature, and which key made it: digits of the SHA-256 of the public key."""

    payload: str
    signature: str
    key_id: str


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


def write_new(path: Path, payload: bytes, mode: int) -> bool:
    """Write a file that is not there yet, whole or not at all; False when it is there."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(descriptor, payload)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(fresh, path)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    return True


def replace_file(path: Path, payload: bytes, mode: int = 0o644) -> None:
    """Put a file in the place of another, whole: written, synced, renamed, the folder synced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(descriptor, payload)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _private_key(settings: Settings, purpose: str) -> Ed25519PrivateKey:
    path = settings.keys / f"{purpose}.key"
    if not path.exists():
        settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        write_new(path, raw, 0o600)
    loose = stat.S_IMODE(path.stat().st_mode) & 0o077
    if loose:
        raise RefusedError(
            "private key can be read by others", which=path, found=f"mode {stat.S_IMODE(path.stat().st_mode):04o}",
            allowed="0600", next_step=f"chmod 600 {path}, and fillwise people rotate-keys if others were there",
        )  # fmt: skip
    key = Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    _keep_public(settings, purpose, key.public_key())
    return key


def _keep_public(settings: Settings, purpose: str, public: Ed25519PublicKey) -> None:
    folder = settings.keys / f"{purpose}.pub.d"
    path = folder / _key_id(public)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_new(path, public.public_bytes(Encoding.Raw, PublicFormat.Raw), 0o644)


def sign(settings: Settings, purpose: str, payload: Mapping[str, Any]) -> Signed:
    """Sign a payload with the key of a purpose, made on first use. Raises RefusedError for a loose key file."""
    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose}; allowed: {', '.join(PURPOSES)}")
    key, text = _private_key(settings, purpose), canonical(payload)
    return Signed(text, key.sign(f"{purpose}\n{text}".encode()).hex(), _key_id(key.public_key()))


def verified(settings: Settings, purpose: str, signed: Signed) -> dict[str, Any]:
    """What was signed. Raises RefusedError for an unknown key, another purpose's, or a payload that was changed."""
    path = settings.keys / f"{purpose}.pub.d" / Path(signed.key_id).name
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
    found: dict[str, Any] = json.loads(signed.payload)
    return found


def rotate(settings: Settings, purpose: str) -> str:
    """A new key for a purpose; the old public key stays for what it signed. The new key's id."""
    path = settings.keys / f"{purpose}.key"
    _private_key(settings, purpose)
    raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    replace_file(path, raw, 0o600)
    return _key_id(_private_key(settings, purpose).public_key())


def write_signed(path: Path, signed: Signed) -> None:
    """Put a signed file in its place, whole."""
    replace_file(path, (json.dumps(asdict(signed), indent=1) + "\n").encode())


def read_signed(path: Path) -> Signed:
    """A signed file. Raises RefusedError when it is missing, torn or no such file; the signature is not yet checked."""
    try:
        told = json.loads(path.read_bytes())
        return Signed(str(told["payload"]), str(told["signature"]), str(told["key_id"]))
    except FileNotFoundError:
        raise _refused("signed file is missing", path.name, "nothing there", "is the controller running?") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refused("signed file cannot be read", path.name, type(error).__name__, "have it written again") from None
