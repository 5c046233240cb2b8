"""A code is good for one person, one card and one decision."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.approval.codes import CODE_DIGITS, code_for, is_code, written_code

CODE = code_for("secret", "card", "approve")


def test_a_code_fits_however_it_is_typed() -> None:
    for typed in (CODE, CODE.lower(), f" {written_code(CODE)} ", written_code(CODE).replace("-", " ")):
        assert is_code(typed, "secret", "card", "approve")


@given(st.text(max_size=8), st.text(max_size=8), st.sampled_from(["approve", "reject"]))
@example("secret", "card", "approve")
@example("secret", "card", "reject")
@example("secret", "other", "approve")
@example("other", "card", "approve")
def test_a_code_fits_nothing_else(secret: str, card: str, decision: str) -> None:
    same = (secret, card, decision) == ("secret", "card", "approve")
    assert is_code(CODE, secret, card, decision) == same


@given(st.text(max_size=20))
def test_what_is_no_code_is_refused(typed: str) -> None:
    letters = "".join(typed.split()).replace("-", "").upper()
    assert is_code(typed, "secret", "card", "approve") == (letters == CODE)


def test_a_code_has_sixty_bits_and_is_read_in_groups_of_four() -> None:
    assert len(CODE) == CODE_DIGITS == 12
    assert [len(part) for part in written_code(CODE).split("-")] == [4, 4, 4]
    assert set(CODE) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
