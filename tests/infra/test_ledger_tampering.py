"""What somebody did to a ledger around its guards: `verify` names the first bad entry, or the tail that is gone."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st

from infra.errors import LedgerError
from infra.ledger import Draft, Head, ledger_file, open_ledger
from infra.ledger_chain import FIRST_HASH, chained, hash_of, verify_rows
from infra.settings import Settings
from tests.infra.made_ledger import AT, append, chain_of, unguarded

PAGE_BYTES, LEAF_OF_INDEX = 4096, 0x0A
BYTES = 150
"""Each is one read of the whole ledger, some milliseconds; all 24,576 bytes were tried once, and none passed unseen."""


@pytest.mark.parametrize(
    ("statement", "first_bad", "said"),
    [
        ("UPDATE ledger_entry SET payload = '{}' WHERE sequence = 4", 4, "entry 4 was altered"),
        ("UPDATE ledger_entry SET at = '2020' WHERE sequence = 3", 3, "entry 3 was altered"),
        ("UPDATE ledger_entry SET recorded_at = '' WHERE sequence = 3", 3, "entry 3 was altered"),
        ("UPDATE ledger_entry SET stream = 'people' WHERE sequence = 3", 3, "entry 3 was altered"),
        ("DELETE FROM ledger_entry WHERE sequence = 5", 5, "entry 5 is missing"),
        ("UPDATE ledger_entry SET hash = 'x' WHERE sequence = 2", 2, "entry 2 was altered"),
    ],
)
def test_what_an_administrator_changed_is_named(
    ledger_home: Settings, statement: str, first_bad: int, said: str
) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample", 8)
    unguarded(ledger, statement)
    found = ledger.verify()
    assert (found.is_sound, found.first_bad) == (False, first_bad)
    assert said in found.reason


def test_an_altered_entry_is_not_read(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample", 3)
    unguarded(ledger, "UPDATE ledger_entry SET payload = '{\"share\":1}' WHERE sequence = 3")
    with pytest.raises(LedgerError, match=r"entry 3 \(noted in sample\)"):
        ledger.entries("sample")


def test_a_ledger_whose_first_entry_is_gone_is_refused(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample", 3)
    unguarded(ledger, "DELETE FROM ledger_entry WHERE sequence = 1")
    with pytest.raises(LedgerError, match="entry 1 is missing"):
        open_ledger(ledger_home)


def test_entries_that_changed_places_are_named(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample", 3)
    swap = "UPDATE ledger_entry SET sequence = {} WHERE sequence = {}"
    unguarded(ledger, swap.format(99, 2), swap.format(2, 3), swap.format(3, 99))
    assert ledger.verify().first_bad == 2


def test_a_missing_tail_and_a_rewritten_chain_show_against_an_exported_head(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample", 4)
    head = ledger.head()
    assert ledger.verify(head).is_sound
    unguarded(ledger, "DELETE FROM ledger_entry WHERE sequence > 3")
    assert ledger.verify().is_sound
    assert "the tail is missing: 3 entries, a head of 5 was exported" in ledger.verify(head).reason
    append(ledger, "sample", 1)
    append(ledger, "people", 3)
    assert "another hash than the exported head" in ledger.verify(head).reason
    assert "another hash than the exported head" in ledger.verify(head, replace(head, hash="other")).reason


def test_an_entry_that_was_rewritten_with_a_hash_of_its_own_shows_at_the_next(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample", 4)
    row = replace(list(ledger.rows())[2], payload="{}")
    rewrite = "UPDATE ledger_entry SET payload = '{}', hash = '{}' WHERE sequence = 3"
    unguarded(ledger, rewrite.format(row.payload, hash_of(row)))
    found = ledger.verify()
    assert (found.first_bad, found.reason) == (4, "entry 4 does not follow entry 3: another one was here")


def test_a_chain_that_was_made_anew_without_an_entry_of_a_stream_shows_by_its_places() -> None:
    rows = chain_of([("a", 1), ("b", 1)])
    rows += chained(Head(2, rows[-1].hash), "a", 2, "t", "ada", [Draft("noted", {})])
    found = verify_rows(rows)
    assert (found.first_bad, found.reason) == (3, "entry 3: place 3 in stream a is not the next one")


def test_half_a_character_is_refused_before_it_is_chained() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        chained(Head(0, FIRST_HASH), "a", 0, "t", "ada", [Draft("noted", {"x": "\ud800"})])


def test_two_heads_of_one_place_cannot_both_be_right() -> None:
    chain = chain_of([("a", 1), ("a", 2)])
    right, wrong = Head(2, chain[1].hash), Head(2, "f" * 64)
    for heads in ((right, wrong), (wrong, right)):
        assert verify_rows(chain, heads).first_bad == 2
    assert verify_rows(chain, (right, right)).is_sound


def test_guards_that_were_taken_off_show_until_they_are_put_back(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample")
    unguarded(ledger, back=False)
    found = open_ledger(ledger_home).verify()
    assert not found.is_sound
    assert "nothing refuses changes any more: " in found.reason
    assert len(ledger.guard(at=AT, actor="tom")) == 3
    assert ledger.verify().is_sound
    assert ledger.guard(at=AT, actor="tom") == ()
    assert [(entry.kind, entry.actor) for entry in ledger.entries("ledger")][1:] == [("guard_restored", "tom")]


@pytest.mark.parametrize("changed", [b"needlf07", b"needl\xff07"])
def test_one_altered_byte_of_an_entry_names_it(tmp_path: Path, changed: bytes) -> None:
    ledger = open_ledger(Settings(home=tmp_path))
    for number in range(20):
        ledger.append("sample", number, [Draft("noted", {"word": f"needle{number:02d}"})], at=AT, actor="ada")
    path = ledger_file(Settings(home=tmp_path), "desk")
    path.write_bytes(path.read_bytes().replace(b"needle07", changed, 1))
    found = ledger.verify()
    assert (found.is_sound, found.first_bad) == (False, 9)


def test_an_index_of_the_file_that_lost_an_entry_shows_without_a_head(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    ledger = open_ledger(settings)
    append(ledger, "sample", 20)
    path = ledger_file(settings, "desk")
    raw, tried = path.read_bytes(), 0
    for page in range(0, len(raw), PAGE_BYTES):
        if raw[page] == LEAF_OF_INDEX:
            damaged = bytearray(raw)
            damaged[page + 4] -= 1
            path.write_bytes(damaged)
            found = ledger.verify()
            assert not found.is_sound
            assert "the file is damaged" in found.reason
            tried += 1
    assert tried == 2


def test_any_altered_byte_of_the_file_is_found_or_changes_no_entry(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    ledger, chance = open_ledger(settings), random.Random(7)
    append(ledger, "sample", 20)
    path, right = ledger_file(settings, "desk"), ledger.entries()
    raw, seen = path.read_bytes(), {"found": 0, "no entry changed": 0}
    for place in chance.sample(range(len(raw)), BYTES):
        changed = bytearray(raw)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        try:
            is_sound = ledger.verify().is_sound
        except LedgerError:
            is_sound = False
        assert not is_sound or ledger.entries() == right, f"byte {place}"
        seen["no entry changed" if is_sound else "found"] += 1
    assert seen["found"] > 20
    path.write_bytes(raw)
    assert ledger.verify().is_sound


CHANGES = (
    "stream", "stream_sequence", "at", "actor", "kind", "payload", "previous_hash", "hash", "sequence", "recorded_at",
)  # fmt: skip
NOTES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=2, max_size=12)


@rules(max_examples=100, deadline=None)
@given(NOTES, st.data())
def test_any_single_change_is_found_at_its_place(notes: list[tuple[str, int]], data: st.DataObject) -> None:
    chain = chain_of(notes)
    assert verify_rows(chain).is_sound
    place, name = data.draw(st.integers(0, len(chain) - 1)), data.draw(st.sampled_from(CHANGES))
    old = getattr(chain[place], name)
    changed = old + 1 if isinstance(old, int) else json.dumps({"n": 99}) if name == "payload" else f"{old}x"
    chain[place] = replace(chain[place], **{name: changed})
    assert verify_rows(chain).first_bad == place + 1


@rules(max_examples=100, deadline=None)
@given(NOTES, st.data())
def test_an_entry_that_is_left_out_doubled_or_moved_is_found_at_its_place(
    notes: list[tuple[str, int]], data: st.DataObject
) -> None:
    chain = chain_of(notes)
    place = data.draw(st.integers(0, len(chain) - 2))
    left_out = chain[:place] + chain[place + 1 :]
    doubled = chain[: place + 1] + chain[place:]
    moved = [*chain[:place], chain[place + 1], chain[place], *chain[place + 2 :]]
    assert verify_rows(left_out).first_bad == place + 1
    assert verify_rows(doubled).first_bad == place + 2
    assert verify_rows(moved).first_bad == place + 1
    assert not verify_rows(chain[: place + 1], [Head(len(chain), chain[-1].hash)]).is_sound
