"""An archive from outside is opened without trusting it: a few plain files of a bounded size, or it is refused."""

from __future__ import annotations

import stat
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import SourceError
from pipelines.sources.archive import members, read_member

CENTRAL_HEADER = b"PK\x01\x02"
FLAGS, PACKED_SIZE, SIZE = 8, 20, 24
"""Where these stand in a member's header of the central directory (APPNOTE 4.3.12)."""


def made(folder: Path, *found: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    path = folder / "a.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        warnings.simplefilter("ignore")
        for name, payload in found:
            archive.writestr(name, payload, zipfile.ZIP_DEFLATED)
    return path


def patched(path: Path, offset: int, value: bytes) -> Path:
    payload = bytearray(path.read_bytes())
    at = payload.index(CENTRAL_HEADER) + offset
    payload[at : at + len(value)] = value
    path.write_bytes(bytes(payload))
    return path


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_a_member_comes_out_whole(tmp_path: Path) -> None:
    path = made(tmp_path, ("a.csv", b"1,2\n" * 100), ("b.txt", b""))
    assert list(members(path)) == ["a.csv", "b.txt"]
    assert read_member(path, "a.csv") == b"1,2\n" * 100


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "b/a.csv", "b\\a.csv", "..", "\u0430.csv", "a\x1b.csv"])
def test_a_name_with_a_path_or_a_disguise_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"archive is not taken: .*a member named"):
        members(made(tmp_path, (name, b"1")))


def test_links_too_many_members_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"member 'a\.csv' is a link"):
        members(made(tmp_path, (link(), b"/etc/passwd")))
    with pytest.raises(SourceError, match="found 9 members; allowed: at most 8"):
        members(made(tmp_path, *((f"{number}.csv", b"1") for number in range(9))))
    with pytest.raises(SourceError, match="two members of one name"):
        members(made(tmp_path, ("a.csv", b"1"), ("a.csv", b"2")))


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="encrypted"):
        members(patched(made(tmp_path, ("a.csv", b"1")), FLAGS, b"\x01\x00"))


def test_a_decompression_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    path = made(tmp_path, ("a.csv", b"0" * 20_000_000))
    assert path.stat().st_size < 25_000
    with pytest.raises(SourceError, match=r"grows from .* to 20,000,000 bytes; allowed: at most 200 times"):
        members(path)


def test_more_than_the_limit_is_refused_by_what_the_archive_claims(tmp_path: Path) -> None:
    path = made(tmp_path, ("a.csv", b"1"))
    patched(path, PACKED_SIZE, (0x7FFFFFFF).to_bytes(4, "little"))
    patched(path, SIZE, (0xC0000000).to_bytes(4, "little"))
    with pytest.raises(SourceError, match="3,221,225,472 bytes when unpacked; allowed: at most 2,147,483,648"):
        members(path)


def test_an_archive_that_claims_less_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = patched(made(tmp_path, ("a.csv", b"0" * 20_000_000)), SIZE, (100).to_bytes(4, "little"))
    with pytest.raises(SourceError, match="cannot read archive"):
        read_member(path, "a.csv")


def test_an_empty_or_missing_archive_or_member_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read archive"):
        members(tmp_path / "none.zip")
    with pytest.raises(SourceError, match="holds 0 bytes"):
        read_member(made(tmp_path, ("a.csv", b"")), "a.csv")


@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_damaged_archive_ends_in_our_own_error_or_in_the_true_bytes(place: int, flip: int) -> None:
    from tempfile import TemporaryDirectory

    truth = bytes(range(256)) * 4
    with TemporaryDirectory() as folder:
        path = made(Path(folder), ("a.csv", truth))
        payload = bytearray(path.read_bytes())
        payload[place % len(payload)] ^= flip
        path.write_bytes(bytes(payload))
        try:
            found = read_member(path, "a.csv") if "a.csv" in members(path) else truth
        except SourceError:
            return
        assert found == truth
