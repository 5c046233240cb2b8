"""A venue with latency and lost acknowledgements, and a desk's children at it: nothing over-fills, everything ends."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.market_state import NOWHERE
from models.policy import CROSS, IMPROVE, JOIN, WAIT
from pipelines.desk.live_children import NEVER_ARRIVED, ChildOrders, Sent
from pipelines.desk.live_target import Target, child_place, sendable, settled, takes
from pipelines.desk.venue import Venue, VenueTerms
from pipelines.desk.venue_messages import AskChild, CancelChild, NewChild, Request, from_text, to_text
from tests.pipelines.desk.live_made_venue import PARENTS, QUIET, SYMBOL, a_child, a_market


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (a_child("x", 100, 5, parent=3), "no parent order 3"),
        (a_child("x", 100, 0), "0 lots at place 100"),
        (a_child("x", NOWHERE, 5), "5 lots at place"),
        (NewChild("x", "NONE", 0, 100, 5, False), "no such symbol here"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(order: NewChild, why: str) -> None:
    venue = Venue({SYMBOL: a_market()}, QUIET)
    venue.receive(order, 0.0)
    venue.advance(1.0)
    (report,) = venue.collect()
    assert report.state == "done"
    assert report.reason is not None
    assert report.reason.startswith(f"refused: {why}")


def test_a_request_takes_its_time_there_and_the_answer_its_time_back() -> None:
    venue = Venue({SYMBOL: a_market()}, VenueTerms((2.0, 2.0), 0.0, 1))
    venue.receive(a_child("x", venue.markets[SYMBOL].quote().bid - 3, 5), 0.0)
    venue.advance(1.9)
    assert venue.state_of("x") == "unknown"
    venue.advance(2.1)
    assert (venue.state_of("x"), venue.collect()) == ("resting", ())
    venue.advance(4.1)
    assert [report.state for report in venue.collect()] == ["resting"]


def test_a_child_or_a_cancel_that_comes_twice_counts_once_and_is_answered_twice() -> None:
    venue = Venue({SYMBOL: a_market()}, QUIET)
    child = a_child("x", venue.markets[SYMBOL].quote().bid - 3, 5)
    for request in (child, child, CancelChild("x"), CancelChild("x")):
        venue.receive(request, 0.0)
    venue.advance(1.0)
    assert [report.state for report in venue.collect()] == ["resting", "resting", "done", "done"]
    assert int(venue.markets[SYMBOL].state.children) == 1


def test_requests_arrive_in_the_order_in_which_they_were_sent() -> None:
    venue = Venue({SYMBOL: a_market()}, VenueTerms((0.0, 10.0), 0.0, 1))
    for number in range(20):
        venue.receive(a_child(f"c{number}", venue.markets[SYMBOL].quote().bid - 15, 1), 0.0)
    venue.advance(30.0)
    arrived = [report.arrived_at or 0.0 for report in venue.statement()]
    assert len(arrived) == 20
    assert arrived == sorted(arrived)


def test_a_child_that_nobody_sent_is_unknown() -> None:
    venue = Venue({SYMBOL: a_market()}, QUIET)
    venue.receive(AskChild("x"), 0.0)
    venue.advance(1.0)
    assert [(report.child_id, report.state) for report in venue.collect()] == [("x", "unknown")]


def test_the_venue_expires_what_rests_at_the_instructed_end() -> None:
    venue = Venue({SYMBOL: a_market()}, QUIET)
    venue.receive(a_child("x", venue.markets[SYMBOL].quote().bid - 15, 5), 0.0)
    venue.advance(601.0)
    assert [(report.state, report.reason) for report in venue.collect()] == [("resting", None), ("done", "expired")]
    venue.receive(a_child("y", 100, 5), 601.0)
    venue.advance(602.0)
    assert [report.reason for report in venue.collect()] == ["refused: the parent order has ended"]


def test_the_share_of_lost_reports_is_the_one_that_was_asked_for() -> None:
    venue = Venue({SYMBOL: a_market()}, VenueTerms((0.0, 0.1), 0.3, 5))
    for number in range(2000):
        venue.receive(AskChild(str(number)), 0.0)
    venue.advance(1.0)
    assert venue.lost_reports / venue.sent_reports == pytest.approx(0.3, abs=0.03)


def test_requests_and_reports_come_back_from_their_text_as_they_were() -> None:
    for request in (a_child("x", 5, 6, is_immediate=True), CancelChild("x"), AskChild("x")):
        assert from_text(to_text(request)) == request


def test_a_lost_acknowledgement_is_asked_for_again_and_a_gap_asks_about_everything_open() -> None:
    orders, sent = ChildOrders(2.0), []
    for number in range(3):
        sent.append(orders.send(Sent(a_child(f"c{number}", 10, 5), "p", "d", "v", "champion", 1, 0.0), 100))
    assert orders.overdue(1.9) == []
    assert orders.overdue(2.0) == [AskChild(f"c{number}") for number in range(3)]
    venue = Venue({SYMBOL: a_market()}, QUIET)
    for order in sent:
        venue.receive(order, 0.0)
    venue.advance(1.0)
    first, _, third = venue.collect()
    orders.hear(first, 2.5)
    assert orders.overdue(2.6) == []
    orders.hear(third, 2.7)
    assert orders.overdue(2.7) == [AskChild("c0"), AskChild("c1")]
    assert orders.gaps == 1


def test_a_child_counts_in_full_until_the_venue_says_that_it_is_gone() -> None:
    orders = ChildOrders(2.0)
    orders.send(Sent(a_child("x", 10, 60), "p", "d", "v", "champion", 1, 0.0), 60)
    assert orders.cancel(orders.open(), 0.0) == [CancelChild("x")]
    assert orders.cancel(orders.open(), 0.0) == []
    assert (orders.room("p", 60), orders.open_lots("p")) == (0, 60)
    with pytest.raises(ValueError, match="room 0"):
        orders.send(Sent(a_child("y", 10, 1), "p", "d", "v", "champion", 1, 0.0), 60)
    assert orders.overdue(2.0) == [CancelChild("x")]
    orders.state_all([], 3.0)
    assert (orders.room("p", 60), orders.all()[0].reason) == (60, NEVER_ARRIVED)


class Trader:
    """Works parents with decisions drawn at random, through the desk's own parts; counts at the venue what comes."""

    def __init__(self, venue: Venue, seed: int) -> None:
        self.venue, self.draw = venue, random.Random(seed)
        self.orders, self.targets = ChildOrders(1.0), dict[int, Target]()

    def exchange(self, until: float) -> None:
        self.venue.advance(until, stops_at_mail=self.draw.random() < 0.5)
        for report in self.venue.collect():
            self.orders.hear(report, self.venue.now)

    def decide(self, parent: int) -> None:
        sign, lots, quote = PARENTS[parent][0], PARENTS[parent][1], self.venue.markets[SYMBOL].quote()
        action = self.draw.choice([WAIT, JOIN, JOIN, IMPROVE, CROSS])
        place = child_place(quote, sign, action, None, None)
        left = lots - self.orders.filled_lots(str(parent))
        target = Target(
            "d", "v", "champion", place, self.draw.randint(0, left), action == CROSS and takes(quote, sign, place),
            self.orders.filled_lots(str(parent)), 0,
        )  # fmt: skip
        self.targets[parent], ended = settled(target, action, self.orders.of_parent(str(parent)))
        self.say(self.orders.cancel(ended, self.venue.now))

    def work(self) -> None:
        self.say(self.orders.overdue(self.venue.now))
        for parent, target in self.targets.items():
            name = str(parent)
            room = self.orders.room(name, PARENTS[parent][1])
            lots = sendable(target, self.orders.filled_lots(name), self.orders.open_lots(name), room)
            if lots > 0:
                child = a_child(
                    f"c{len(self.orders)}", target.place, lots, parent=parent, is_immediate=target.is_immediate
                )
                self.say(
                    [
                        self.orders.send(
                            Sent(child, name, "d", "v", "champion", PARENTS[parent][0], self.venue.now),
                            PARENTS[parent][1],
                        )
                    ]
                )
                self.targets[parent] = Target(*[*vars(target).values()][:-1], target.missing - lots)

    def say(self, requests: Sequence[Request]) -> None:
        for request in requests:
            self.venue.receive(request, self.venue.now)

    def require_within_parents(self) -> None:
        told = {report.child_id: report for report in self.venue.statement()}
        for parent, (_, lots, _, _) in enumerate(PARENTS):
            used = 0
            for child in self.orders.of_parent(str(parent)):
                report = told.get(child.sent.order.child_id)
                is_done = report is not None and report.state == "done"
                used += report.filled_lots if report is not None and is_done else child.lots
            assert used <= lots, f"parent {parent}: {used} lots filled or open, {lots} ordered"


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), lost=st.sampled_from([0.0, 0.1, 0.5]), slow=st.sampled_from([0.05, 0.5, 4.0]))
def test_fills_and_open_children_never_exceed_the_parent_and_every_child_ends(
    seed: int, lost: float, slow: float
) -> None:
    venue = Venue({SYMBOL: a_market(seed)}, VenueTerms((slow / 5.0, slow), lost, seed))
    trader = Trader(venue, seed)
    while venue.now < 880.0:
        for parent in range(len(PARENTS)):
            if PARENTS[parent][2] <= venue.now < PARENTS[parent][3] and trader.draw.random() < 0.3:
                trader.decide(parent)
        trader.work()
        trader.exchange(venue.now + trader.draw.uniform(0.2, 8.0))
        trader.require_within_parents()
    trader.targets.clear()
    trader.say(trader.orders.cancel(trader.orders.open(), venue.now))
    while trader.orders.open() and venue.now < 2_000.0:
        trader.exchange(venue.now + 1.0)
        trader.say(trader.orders.overdue(venue.now))
    assert trader.orders.open() == ()
    at_venue = {report.child_id: report.fills for report in venue.statement()}
    assert {child.sent.order.child_id: child.fills for child in trader.orders.all()} == at_venue
    executed = sum(fill.lots for _, fill in venue.markets[SYMBOL].executions(0))
    assert executed == sum(child.filled_lots for child in trader.orders.all())
    assert len(at_venue) > 5
