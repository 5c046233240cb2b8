"""Publishers and readers of the routing snapshot at once, as processes of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.routing_files import publish, published
from infra.settings import Settings
from tests.infra.made_routing import snapshot, started

READS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from infra.routing_files import RoutingView, read_snapshot
from infra.settings import Settings
settings, last = Settings(home=Path(sys.argv[1])), int(sys.argv[3])
view, epoch, seen, looks = RoutingView(settings, "sample", sys.argv[2]), 0, set(), 0
print("ready", flush=True)
while epoch < last:
    now = datetime.now(UTC)
    found = read_snapshot(settings, "sample", now, least_epoch=epoch)
    told = view.look(now)
    assert told.why is None and told.snapshot is not None, told.why
    assert told.snapshot.epoch >= found.epoch >= epoch, (epoch, found.epoch, told.snapshot.epoch)
    assert found.salt == f"salt-{found.epoch}" and told.snapshot.salt == f"salt-{told.snapshot.epoch}"
    epoch, looks = found.epoch, looks + 1
    seen.add(epoch)
print(len(seen), looks)
"""
PUBLISHES = """
import sys
from dataclasses import replace
from pathlib import Path
from infra.errors import RefusedError
from infra.routing_files import publish, published
from infra.settings import Settings
settings = Settings(home=Path(sys.argv[1]))
first = published(settings, "sample")
for number in range(int(sys.argv[2])):
    last = published(settings, "sample")
    assert last is not None
    try:
        publish(settings, replace(first, epoch=last.epoch + 1, salt=f"salt-{last.epoch + 1}"))
    except RefusedError:
        pass
"""


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_four_readers_in_a_loop_see_only_whole_snapshots_with_growing_epochs(home: Settings) -> None:
    whole = snapshot(1, salt="salt-1", expires_at="2099-01-01T00:00:00Z")
    publish(home, whole)
    readers = [started(READS, str(home.home), f"desk-{number}", "201") for number in range(4)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for epoch in range(2, 202):
        publish(home, replace(whole, epoch=epoch, salt=f"salt-{epoch}"))
    counts = [[int(word) for word in reader.communicate(timeout=120)[0].split()] for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0, 0, 0]
    print(f"200 snapshots; each reader: (epochs seen, looks) {counts}")
    assert all(seen > 10 for seen, _ in counts)


def test_an_epoch_never_goes_back_when_two_publish_at_once(home: Settings) -> None:
    publish(home, snapshot(1, salt="salt-1", expires_at="2099-01-01T00:00:00Z"))
    both = [started(PUBLISHES, str(home.home), "60") for _ in range(2)]
    newest = 0
    while any(one.poll() is None for one in both):
        found = published(home, "sample")
        assert found is not None
        assert found.epoch >= newest
        newest = found.epoch
    assert [(one.communicate()[0], one.returncode) for one in both] == [("", 0), ("", 0)]
    last = published(home, "sample")
    assert last is not None
    assert 61 <= last.epoch <= 121
