"""What a card says, the same in Airflow and in the terminal; and nothing that comes from outside acts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import Environment
from jinja2.sandbox import SandboxedEnvironment
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipelines.approval.card_text import as_markdown, as_text, card_markdown, card_text, escaped, sections, subject_of
from pipelines.approval.cards import card_named
from tests.pipelines.approval.made import AT, GOOD, card_of, desk, waiting

HOSTILE = (
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    "{{ var.value.secret }}",
    "{{{ 1 }}}",
    "{% for x in range(9) %}x{% endfor %}",
    "{# hidden #}",
    "**approved** _x_ `y` ~~z~~",
    "https://evil.example/approve www.evil.example HTTPS://EVIL.example mailto:eve@evil.example",
    "x\n# heading\n- item\n\n> quote\n\n| a | b |\n|---|---|",
    "1. one\n2. two",
    "&lt;b&gt; &#60;i&#62; &#x3c;u&#x3e;",
    "\\[x\\](y) \\{{ 1 }}",
    "a\x1b[31mred\x00\u202eevil\u200b",
    "<https://evil.example> [ref]: https://evil.example",
    "x" * 10_000,
    "</td><img src=x onerror=alert(1)>",
    "$$x$$ :smile: ==mark==",
    "<div class=x",
    "<details open",
    "<?php evil ?>",
)
GFM_LINK = re.compile(r"(?i)(https?://|www\.|mailto:|xmpp:|[\w.+-]+@[\w-])")
PLACES = ("summary", "change_class", "changes", "revision", "authors", "unknown_authors", "drift", "links", "gate")


def with_text(text: str) -> dict[str, Any]:
    """The card with that text wherever something comes from outside."""
    return {
        **GOOD, "summary": text, "change_class": text, "changes": [text, text], "revision": text, "authors": [text],
        "unknown_authors": [text], "drift": text, "drift_verdict": text, "approvers": [text], "currency": text,
        "links": {text: text}, "gate": {"verdict": text, "reasons": [text]}, "checks": {text: text},
        "report": {"person": text, "expires_on": text}, "limits": {text: text}, "plan_faults": [text],
        "overridden": [text], "from_phase": text, "to_phase": text, "share": text, "evidence_session": text,
        "live": {"sessions": 1, "units": 1, "words": text},
    }  # fmt: skip


def flat(tokens: list[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *flat(token.children or []))]


ALLOWED = {
    "heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "text", "strong_open",
    "strong_close", "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "text_special",
}  # fmt: skip


def assert_inert(markdown: str) -> None:
    tokens = flat(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown))
    assert {token.type for token in tokens} <= ALLOWED, {token.type for token in tokens} - ALLOWED
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h3"]
    assert not [token.content for token in tokens if token.type == "text" and GFM_LINK.search(token.content)]
    for environment in (Environment(autoescape=False), SandboxedEnvironment(autoescape=False)):  # noqa: S701
        assert environment.from_string(markdown).render() == markdown
    assert all(char.isprintable() or char == "\n" for char in markdown)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_outside_acts_in_markdown(text: str) -> None:
    assert_inert(as_markdown(text, with_text(text)))


@given(st.text(alphabet="{}%#[]()<>!*_`\\&;:/@wh.t-=+|~$^ \n1a", max_size=30))
@example("{%")
@example("\\{%")
@example("{\\%")
def test_no_text_whatever_acts_in_markdown(text: str) -> None:
    assert_inert(as_markdown("card", with_text(text)))


@pytest.mark.parametrize("text", HOSTILE)
def test_the_terminal_shows_one_line_a_value_of_letters_that_print(text: str) -> None:
    shown = as_text(text, with_text(text))
    assert len(shown.splitlines()) == len(as_text("card", with_text("x")).splitlines())
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_an_escaped_text_reads_as_it_was_written() -> None:
    text = "a_b *c* [d] `e` 5 > 4 & 3 < 4 {f} 90 % - + = | ~ ^ $ ! #"
    (inline,) = [token for token in MarkdownIt("commonmark").parse(escaped(text)) if token.type == "inline"]
    assert "".join(token.content for token in inline.children or []) == text


@pytest.mark.parametrize(
    ("where", "is_link"),
    [
        ("http://127.0.0.1:5000/#/models/sample.execution/versions/5", True),
        ("https://mlflow.example/a?b=c", True),
        ("javascript:alert(1)", False),
        ("https://user:pass@evil.example/", False),
        ("http://x/{{ 1 }}", False),
        ("http://x/> [y](z)", False),
        ("pages/sample/2026-11-20/index.html", False),
    ],
)
def test_only_plain_addresses_among_the_links_are_links(where: str, is_link: bool) -> None:
    tokens = flat(MarkdownIt("commonmark").parse(as_markdown("card", {**GOOD, "links": {"there": where}})))
    assert [token.attrs["href"] for token in tokens if token.type == "link_open"] == ([where] if is_link else [])


def test_the_card_says_what_an_approver_must_know() -> None:
    text = as_text("sample.r1: shadow to canary_10", GOOD)
    for said in (
        "reads the signal (new_policy)",
        "policy tolerance: 0.1 to 0.2",
        "code abc1234",
        "shadow to canary_10, 10 % of units; finds faults, says nothing about cost",
        "backtest on 4,160 orders of 20 sessions: trade through -0.50 bps [-0.60, -0.40], touch -0.20 bps [-0.30,",
        "live: 3 sessions, 60 units, e-value of harm 0.4",
        "1,200 USD expected, 9,000 USD in the worst of a hundred cases, before it would be rolled back",
        "order_notional 100,000",
        "by rita, until 2027-06-30",
        "within its alarm budget",
        "all passed",
        "paul, rita; 1 must agree",
        "the next phase begins with the next session",
        "the reason is recorded",
        "MLflow: http://127.0.0.1:5000/#/models",
    ):
        assert said in text, said


def test_markdown_and_text_say_the_same() -> None:
    markdown = as_markdown("card", GOOD)
    for section in sections(GOOD):
        assert f"**{section.heading}**" in markdown
        assert all(escaped(line) in markdown for line in section.lines)


def test_a_card_of_the_ledger_says_how_to_answer_and_what_was_said(tmp_path: Path) -> None:
    made = desk(tmp_path)
    made.tell(waiting())
    card = card_of(made)
    made.answer("paul", card)
    text = card_text(card_named(made.ledger, card.card_id), AT + timedelta(minutes=1))
    assert text.startswith("sample.r1: shadow to canary_10 (1 of 1 approvals)")
    assert "approved by paul: looks good" in text
    assert f"fillwise approve code {card.card_id} --person NAME --decision approve" in text
    assert escaped(f"fillwise approve code {card.card_id} --person NAME") in card_markdown(card)
    assert subject_of(card) == "sample: sample.r1 from shadow to canary_10?"
    assert subject_of(replace(card, to_phase="{{ 7 * 7 }}<b>")) == "sample: sample.r1 from shadow to  7  7 b?"
