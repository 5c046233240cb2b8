"""The routing snapshot as a file: what is published, what a reader refuses, each with its reason."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from infra.errors import RefusedError
from infra.routing_files import publish, read_snapshot, routing_folder
from infra.routing_snapshot import PHASE_CAPS
from infra.settings import Settings
from infra.signing import rotate, sign, write_signed
from models.rollout.plan import PHASES
from tests.infra.made_routing import CHALLENGER, CHAMPION, NOW, put, snapshot


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_a_published_snapshot_is_read_as_it_was_written(home: Settings) -> None:
    publish(home, snapshot())
    assert read_snapshot(home, "sample", NOW, least_epoch=0) == snapshot()


def test_an_older_epoch_is_refused_by_writer_and_reader(home: Settings) -> None:
    publish(home, snapshot(2))
    with pytest.raises(RefusedError, match="epoch 1 after 2"):
        publish(home, snapshot(1))
    with pytest.raises(RefusedError, match="epoch 2, 3 was seen before"):
        read_snapshot(home, "sample", NOW, least_epoch=3)


def test_an_epoch_says_one_thing_only(home: Settings) -> None:
    publish(home, snapshot())
    with pytest.raises(RefusedError, match="epoch 1 with another routing"):
        publish(home, snapshot(salt="other"))


def test_the_same_routing_is_written_again_only_to_last_longer(home: Settings) -> None:
    assert publish(home, snapshot())
    assert not publish(home, snapshot(issued_at="2026-11-20T15:00:00Z"))
    assert publish(home, snapshot(expires_at="2026-11-23T14:00:00Z"))


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"arms": (CHALLENGER,)}, "one champion"),
        ({"arms": (CHAMPION,)}, "do not sum to one"),
        ({"arms": (CHALLENGER, CHALLENGER, replace(CHAMPION, share=0.8))}, "each once"),
        ({"limits": {}}, "sample.execution/5 has no limits"),
        ({"arms": (replace(CHALLENGER, share=float("nan")), CHAMPION)}, "do not sum to one"),
        ({"arms": (replace(CHALLENGER, share=-0.1), replace(CHAMPION, share=1.1))}, "do not sum to one"),
        ({"arms": (replace(CHALLENGER, arm="favourite"), CHAMPION)}, "allowed: one champion"),
        ({"phase": "canary_5"}, "the challenger has 0.1 of units, phase canary_5 allows 0.05"),
        ({"phase": "steady"}, "phase steady allows 0"),
        ({"phase": "canary_99"}, "unknown phase canary_99"),
    ],
)
def test_a_snapshot_that_does_not_fit_is_not_published(home: Settings, others: dict[str, object], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        publish(home, snapshot(**others))


def test_the_most_that_a_phase_allows_is_the_share_of_the_phase() -> None:
    assert {phase.name: phase.share for phase in PHASES} == {
        name: share for name, share in PHASE_CAPS.items() if name != "steady"
    }


def test_limits_with_tuples_are_the_same_routing_as_those_that_were_read(home: Settings) -> None:
    told = snapshot(limits={"sample.execution/5": {"symbols": ("AURA",), "order_notional": 1e6}})
    assert publish(home, told)
    assert publish(home, replace(told, expires_at="2026-11-23T14:00:00Z"))


def test_a_snapshot_that_lasts_longer_by_half_a_second_is_written(home: Settings) -> None:
    assert publish(home, snapshot(expires_at="2026-11-21T14:00:00Z"))
    assert publish(home, snapshot(expires_at="2026-11-21T14:00:00.500000Z"))


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"market": "ashare"}, "a snapshot of ashare"),
        ({"arms": (CHAMPION,)}, "do not sum to one"),
        ({"arms": (replace(CHALLENGER, share=0.2), replace(CHAMPION, share=0.8))}, "phase canary_10 allows 0.1"),
        ({"arms": (replace(CHALLENGER, arm="favourite"), CHAMPION)}, "allowed: one champion"),
        ({"expires_at": "2026-11-20T15:00:00Z"}, "expired at"),
        ({"expires_at": "soon"}, "expired at soon"),
        ({"purpose": "simulation"}, "a snapshot for simulation"),
    ],
)
def test_a_reader_takes_no_signers_word_for_what_cannot_be(
    home: Settings, others: dict[str, object], said: str
) -> None:
    put(home, snapshot(**others))
    with pytest.raises(RefusedError, match=said):
        read_snapshot(home, "sample", NOW, least_epoch=0)


def test_a_payload_of_another_shape_is_refused(home: Settings) -> None:
    write_signed(routing_folder(home, "sample") / "snapshot.json", sign(home, "routing", {"market": "sample"}))
    with pytest.raises(RefusedError, match="another shape"):
        read_snapshot(home, "sample", NOW, least_epoch=0)


def test_what_a_stop_key_signed_is_no_snapshot(home: Settings) -> None:
    write_signed(routing_folder(home, "sample") / "snapshot.json", sign(home, "stop", asdict(snapshot())))
    with pytest.raises(RefusedError, match="unknown key"):
        read_snapshot(home, "sample", NOW, least_epoch=0)


def test_what_an_old_key_signed_is_valid_after_rotation(home: Settings) -> None:
    publish(home, snapshot())
    rotate(home, "routing", NOW)
    assert read_snapshot(home, "sample", NOW, least_epoch=0) == snapshot()
    assert publish(home, snapshot(2))


def test_a_key_that_others_can_read_is_refused(home: Settings) -> None:
    publish(home, snapshot())
    (home.keys / "routing.key").chmod(0o644)
    with pytest.raises(RefusedError, match="can be read by others"):
        publish(home, snapshot(2))
