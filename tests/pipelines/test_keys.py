"""`fillwise keys`: what signs, since when, and who may replace it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.errors import RefusedError
from infra.ledger import open_ledger
from infra.settings import Settings
from infra.signing import sign, verified
from pipelines.approval.people import embedded_people
from pipelines.keys import print_keys, replace_key

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_a_risk_officer_replaces_a_key_and_the_ledger_says_so(home: Settings) -> None:
    ledger, said = open_ledger(home), list[str]()
    secret = embedded_people(home, ledger, NOW)["rita"]
    before = sign(home, "routing", {"n": 1})
    assert replace_key(home, "routing", "rita", secret, "somebody left", NOW, said.append) == 0
    assert verified(home, "routing", before) == {"n": 1}
    after = sign(home, "routing", {"n": 2})
    told = ledger.entries("controls")[-1].payload
    assert told == {"purpose": "routing", "key_id": after.key_id, "person": "rita", "reason": "somebody left"}
    assert print_keys(home, said.append) == 0
    assert f"routing: {before.key_id} verifies what it signed, since it was first needed" in said
    assert f"routing: {after.key_id} signs, since 2026-11-20T15:00:00.000000Z" in said


@pytest.mark.parametrize("name", ["ada", "paul"])
def test_nobody_else_does(home: Settings, name: str) -> None:
    secret = embedded_people(home, open_ledger(home), NOW)[name]
    before = sign(home, "routing", {"n": 1})
    with pytest.raises(RefusedError, match="may not do that"):
        replace_key(home, "routing", name, secret, "why not", NOW, print)
    assert sign(home, "routing", {"n": 2}).key_id == before.key_id


def test_a_loose_key_is_shown_with_what_mends_it(home: Settings) -> None:
    said = list[str]()
    sign(home, "approval", {})
    (home.keys / "approval.key").chmod(0o644)
    assert print_keys(home, said.append) == 1
    assert said == [f"approval: {home.keys / 'approval.key'} has mode 0644: chmod 600 {home.keys / 'approval.key'}"]
