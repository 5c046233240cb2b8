"""The night's page, made from what steps leave on disk."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from infra.errors import NightStoppedError
from pipelines.report import run
from pipelines.report_evidence import Comparison
from pipelines.report_words import of_comparison
from tests.builders import FRIDAY, THURSDAY
from tests.pipelines.invented_night import (
    CANDIDATE,
    NASTY,
    OLDER,
    invented_context,
    whole_night,
    write_quarantine,
    write_records,
)

REFUSED = (
    "more rows refused than allowed: silver.book_snapshots 2026-11-20; found 9.3 % of 31,416; allowed: 5 %; "
    "next: ask the sender for the file again"
)


NAMES = '"candidate": "a/1", "benchmark": "a/0"'


class Text(HTMLParser):
    """What a reader sees, and the elements it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.is_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.is_style = tag == "style"
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        if not self.is_style:
            self.words.append(data.strip())
        self.is_style = False

    @property
    def text(self) -> str:
        return " ".join(word for word in self.words if word)


def page_of(home: Path, day: object = FRIDAY) -> Text:
    return Text((home / "pages" / "sample" / str(day) / "index.html").read_text())


def test_a_whole_night_says_its_verdict_first_and_misses_nothing(tmp_path: Path) -> None:
    report = run(whole_night(tmp_path))
    page = page_of(tmp_path)
    sentence = f"Candidate {CANDIDATE} was not better than TWAP: +0.40 bps [−0.90, +1.80] over 20 sessions"
    assert sentence in page.text
    assert "not available" not in page.text
    assert "every reason in one sentence" not in page.text
    assert report.notes[0] == f"{sentence}; gate: hold, nobody is promoted."
    assert not [note for note in report.notes if "not available" in note]
    assert page.tags.count("svg") == 6
    for part in ("trade-through (decides)", "book_not_crossed", "gold.features@12", "1f18ef9 (edited)", "all orders"):
        assert part in page.text


def test_an_earlier_candidate_is_shown_on_tonights_orders_and_never_beside_the_candidate(tmp_path: Path) -> None:
    run(whole_night(tmp_path))
    text = page_of(tmp_path).text
    backtest, _, tonight = text.partition("Earlier candidates on tonight's orders")
    assert f"{OLDER} 12 " in tonight
    assert "+0.72 descriptive: one" in tonight
    assert f"{OLDER} " not in backtest.partition("Backtest")[2]
    assert f"{CANDIDATE} 240 " in backtest


def test_the_page_stands_alone_and_asks_nobody_for_anything(tmp_path: Path) -> None:
    run(whole_night(tmp_path))
    page = page_of(tmp_path)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert "img" not in page.tags
    allowed = re.compile(
        r"^(#|\.\./\.\./$|drift\.html$|data_docs/|evidence\.json$|http://127\.0\.0\.1:5000/#/experiments/1/)"
    )
    assert [source for source in page.sources if not allowed.match(source)] == []


def test_a_refused_row_cannot_put_anything_into_the_page(tmp_path: Path) -> None:
    run(whole_night(tmp_path))
    html = (tmp_path / "pages" / "sample" / str(FRIDAY) / "index.html").read_text()
    assert "<script" not in html
    assert "alert" in page_of(tmp_path).text
    assert json.dumps(NASTY)[1:-1] in page_of(tmp_path).text


def test_the_same_night_again_leaves_the_same_bytes_and_says_so(tmp_path: Path) -> None:
    context = whole_night(tmp_path)
    page = tmp_path / "pages" / "sample" / str(FRIDAY) / "index.html"
    run(context)
    first = page.read_bytes()
    assert run(context).is_unchanged
    assert page.read_bytes() == first


def test_a_night_that_stopped_says_at_which_step_and_why(tmp_path: Path) -> None:
    context = invented_context(tmp_path)
    write_quarantine(context)
    write_records(context, "validate", REFUSED)
    with pytest.raises(NightStoppedError, match="the night stopped: validate of sample 2026-11-20; found more rows"):
        run(context)
    page = page_of(tmp_path)
    assert (
        "The night stopped at validate: more rows refused than allowed: silver.book_snapshots 2026-11-20." in page.text
    )
    assert "next ask the sender for the file again" in page.text
    assert "found 9.3 % of 31,416 allowed 5 %" in page.text
    assert "validate failed" in page.text
    assert "train not reached backtest not reached gate not reached monitor not reached" in page.text
    assert "not available: step backtest was not reached" in page.text
    assert "book_not_crossed" in page.text
    told = json.loads((tmp_path / "pages" / "sample" / str(FRIDAY) / "summary.json").read_text())
    assert told["verdict"] == "stopped"


def test_evidence_of_an_earlier_run_is_not_shown_under_a_night_that_stopped(tmp_path: Path) -> None:
    context = whole_night(tmp_path)
    write_records(context, "ingest", REFUSED)
    with pytest.raises(NightStoppedError):
        run(context)
    page = page_of(tmp_path)
    assert "+0.40 bps" not in page.text
    assert "not available: step gate was not reached" in page.text


def test_an_unknown_error_is_called_one_and_shown_whole(tmp_path: Path) -> None:
    context = invented_context(tmp_path)
    write_records(context, "train", "index 3 is out of bounds", is_expected=False)
    with pytest.raises(NightStoppedError):
        run(context)
    page = page_of(tmp_path)
    assert "an error that Fillwise does not know" in page.text
    assert "what index 3 is out of bounds" in page.text


def test_a_killed_step_is_called_interrupted(tmp_path: Path) -> None:
    context = invented_context(tmp_path)
    write_records(context, "backtest", state="running")
    with pytest.raises(NightStoppedError):
        run(context)
    assert "The night was interrupted in backtest: the process was killed." in page_of(tmp_path).text


def test_an_empty_night_is_a_page_of_reasons_and_no_error(tmp_path: Path) -> None:
    report = run(invented_context(tmp_path))
    page = page_of(tmp_path)
    assert "No candidate was compared with TWAP tonight; the gate gave no verdict." in page.text
    assert page.text.count("not available:") == 6
    assert len([note for note in report.notes if "not available" in note]) == 5


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("not json", "JSONDecodeError"),
        ("[]", "evidence.json holds no JSON object"),
        ('{"backtest": {}}', "the evidence has no 'candidate'"),
        (f'{{"backtest": {{{NAMES}}}}}', "the evidence has no 'order_set_hash'"),
        (f'{{"backtest": {{{NAMES}, "order_set_hash": "b"}}}}', "no row of tonight's order set"),
        (f'{{"backtest": {{{NAMES}, "order_set_hash": "abc", "comparisons": [{{}}]}}}}', "has no 'policy_version'"),
    ],
)
def test_broken_evidence_costs_its_own_part_only(tmp_path: Path, broken: str, why: str) -> None:
    context = whole_night(tmp_path)
    (tmp_path / "pages" / "sample" / str(FRIDAY) / "evidence.json").write_text(broken)
    report = run(context)
    assert [note for note in report.notes if note.startswith("backtest not available") and why in note]
    assert "all orders" in page_of(tmp_path).text


def test_a_broken_record_stops_no_page(tmp_path: Path) -> None:
    context = whole_night(tmp_path)
    (tmp_path / "logs" / "sample" / str(FRIDAY) / "train.json").write_text("{")
    with pytest.raises(NightStoppedError, match="cannot read its record"):
        run(context)
    assert "cannot read its record train.json" in page_of(tmp_path).text


@pytest.mark.parametrize(
    ("difference", "low", "high", "words"),
    [
        (-1.1, -2.0, -0.2, "was cheaper than TWAP: −1.10 bps [−2.00, −0.20] over 20 sessions"),
        (1.1, 0.2, 2.0, "was dearer than TWAP: +1.10 bps [+0.20, +2.00] over 20 sessions"),
        (-1.1, -2.0, 0.0, "was not better than TWAP: −1.10 bps [−2.00, 0.00] over 20 sessions"),
        (0.4, None, None, "cost +0.40 bps against TWAP over 20 sessions (descriptive: 20 is not enough)"),
    ],
)
def test_the_headline_follows_the_interval(
    difference: float, low: float | None, high: float | None, words: str
) -> None:
    found = Comparison(
        CANDIDATE, "trade_through", "abc", 4000, 20, difference, low, high, "descriptive: 20 is not enough"
    )
    assert of_comparison(CANDIDATE, found) == f"Candidate {CANDIDATE} {words}"


def test_a_range_writes_a_page_a_night(tmp_path: Path) -> None:
    report = run(invented_context(tmp_path, (THURSDAY, FRIDAY)))
    assert report.rows_out == 2
    assert page_of(tmp_path, THURSDAY).text != page_of(tmp_path, FRIDAY).text
