"""Keys and signatures: made once, never by a key that others can read, valid after rotation, worthless elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from infra.errors import RefusedError
from infra.settings import Settings
from infra.signing import (
    PURPOSES,
    Signed,
    canonical,
    digest_of,
    keys_of,
    loose,
    make_key,
    read_signed,
    rotate,
    sign,
    verified,
    write_signed,
)

AT = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
SIGNS = (
    "import json, sys; from pathlib import Path; from infra.settings import Settings; from infra.signing import sign\n"
    "sys.stdin.readline(); found = sign(Settings(home=Path(sys.argv[1])), 'routing', {'who': sys.argv[2]})\n"
    "print(json.dumps([found.payload, found.signature, found.key_id]))\n"
)
ALONE = (
    "import sys\n"
    "import infra.signing, infra.routing_files, infra.stop_files, infra.desk_reports\n"
    "print(*sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))\n"
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
payloads = st.dictionaries(st.text(), json_values, max_size=5)
quick = rules(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@quick
@given(payload=payloads)
def test_what_was_signed_comes_back(home: Settings, payload: dict[str, object]) -> None:
    assert verified(home, "routing", sign(home, "routing", payload)) == payload


@quick
@given(payload=payloads, place=st.integers(0, 10_000), letter=st.characters(codec="utf-8"))
def test_one_changed_letter_is_refused(home: Settings, payload: dict[str, object], place: int, letter: str) -> None:
    signed = sign(home, "routing", payload)
    at = place % len(signed.payload)
    changed = signed.payload[:at] + letter + signed.payload[at + 1 :]
    if changed != signed.payload:
        with pytest.raises(RefusedError, match="does not fit"):
            verified(home, "routing", replace(signed, payload=changed))


@given(payloads)
def test_the_order_of_names_does_not_matter_to_the_digest(payload: dict[str, object]) -> None:
    turned = dict(reversed(payload.items()))
    assert digest_of(turned) == digest_of(payload)
    assert json.loads(canonical(payload)) == payload


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_not_signed(home: Settings, number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        sign(home, "routing", {"share": number})


@pytest.mark.parametrize("other", [one for one in PURPOSES if one != "stop"])
def test_a_signature_for_one_purpose_is_none_for_another(home: Settings, other: str) -> None:
    make_key(home, other)
    signed = sign(home, "stop", {"stop_id": "s"})
    with pytest.raises(RefusedError, match="unknown key"):
        verified(home, other, signed)
    (home.keys / f"{other}.pub.d" / signed.key_id).write_bytes((home.keys / "stop.pub.d" / signed.key_id).read_bytes())
    with pytest.raises(RefusedError, match="does not fit"):
        verified(home, other, signed)


def test_an_unknown_purpose_has_no_key(home: Settings) -> None:
    with pytest.raises(ValueError, match="unknown purpose lunch"):
        sign(home, "lunch", {})


@pytest.mark.parametrize(
    "changed",
    [{"signature": "zz"}, {"signature": ""}, {"key_id": "../stop.key"}, {"key_id": ""}, {"key_id": "0" * 16}],
)
def test_a_signature_that_is_none_is_refused(home: Settings, changed: dict[str, str]) -> None:
    signed = sign(home, "routing", {"a": 1})
    with pytest.raises(RefusedError):
        verified(home, "routing", replace(signed, **changed))


def test_a_private_key_is_for_its_owner_alone(home: Settings) -> None:
    sign(home, "routing", {})
    assert (home.keys / "routing.key").stat().st_mode & 0o777 == 0o600
    assert home.keys.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("place", "mode", "mend"),
    [("routing.key", 0o640, "chmod 600"), ("routing.key", 0o604, "chmod 600"), ("", 0o722, "chmod 700")],
)
def test_a_key_that_others_can_read_or_replace_signs_nothing(home: Settings, place: str, mode: int, mend: str) -> None:
    sign(home, "routing", {})
    (home.keys / place).chmod(mode)
    with pytest.raises(RefusedError, match=f"can be read by others, or replaced.*{mode:04o}.*next: {mend}"):
        sign(home, "routing", {})
    assert mend in str(loose(home, "routing"))


def test_a_stop_is_signed_by_a_loose_key_too_because_it_can_only_reduce_exposure(home: Settings) -> None:
    make_key(home, "stop")
    (home.keys / "stop.key").chmod(0o644)
    assert verified(home, "stop", sign(home, "stop", {"a": 1})) == {"a": 1}
    assert loose(home, "stop") is not None


def test_a_damaged_key_says_what_to_do(home: Settings) -> None:
    make_key(home, "routing")
    (home.keys / "routing.key").write_bytes(b"half a key")
    with pytest.raises(RefusedError, match=r"private key is damaged.*next: restore it from a backup"):
        sign(home, "routing", {})


def test_eight_processes_at_once_make_one_key(home: Settings) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SIGNS, str(home.home), str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd(),
        )
        for number in range(8)
    ]  # fmt: skip
    told = []
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        told.append(Signed(*json.loads(process.communicate(timeout=60)[0])))
    assert len({signed.key_id for signed in told}) == 1
    assert sorted(verified(home, "routing", signed)["who"] for signed in told) == [str(number) for number in range(8)]
    assert len(list((home.keys / "routing.pub.d").iterdir())) == 1


def test_what_an_old_key_signed_stays_valid_and_the_new_one_says_since_when(home: Settings) -> None:
    before = sign(home, "approval", {"n": 1})
    fresh = rotate(home, "approval", AT)
    after = sign(home, "approval", {"n": 2})
    assert after.key_id == fresh != before.key_id
    assert [verified(home, "approval", one)["n"] for one in (before, after)] == [1, 2]
    first, second = keys_of(home, "approval")
    assert (first.key_id, first.since, first.is_current) == (before.key_id, "", False)
    assert (second.key_id, second.since, second.is_current) == (fresh, "2026-11-20T21:00:00.000000Z", True)


def test_a_signed_file_comes_back_and_a_torn_or_missing_one_is_refused(home: Settings, tmp_path: Path) -> None:
    signed = sign(home, "routing", {"ü": 1})
    path = tmp_path / "deep" / "file.json"
    write_signed(path, signed)
    assert read_signed(path) == signed
    whole = path.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:length])
        with pytest.raises(RefusedError, match="cannot be read"):
            read_signed(path)
    path.unlink()
    with pytest.raises(RefusedError, match="missing"):
        read_signed(path)


@pytest.mark.parametrize("text", ["[]", "null", "7", '{"payload": 1}', "\ud800".encode("utf-8", "surrogatepass")])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RefusedError, match="cannot be read"):
        read_signed(path)


def test_signing_and_routing_need_the_standard_library_and_cryptography_alone() -> None:
    told = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert {name for name in told.stdout.split() if not name.startswith("_")} <= {
        "cryptography",
        "infra",
        "sitecustomize",
    }
