"""The controller's doors on a real state folder: ledger, tables, routing files, desks, registry, cards, alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from infra import calendar
from infra.desk_reports import DeskReport, desk_reports
from infra.ledger import Ledger
from infra.registry import CANDIDATE, Registry
from infra.routing_files import publish
from infra.stop_files import Stop
from models.rollout import commands as wanted
from models.rollout.plan import Phase
from models.rollout.routing import challenger_of, production_on
from models.rollout.state import MarketState, RolloutState, StopInForce
from pipelines.alerts import clear_alert, raise_alert, standing_alerts
from pipelines.approval.cards import open_card, stamp
from pipelines.rollout.answers import usable_answers
from pipelines.rollout.card_facts import card_of
from pipelines.rollout.controller import Alarm
from pipelines.rollout.record import record, state_of
from pipelines.rollout.session_evidence import session_evidence
from pipelines.step import StepContext
from pipelines.stops.read_back import rollback_progress
from pipelines.stops.standing import enforce_stop, lift_over, unrecorded_stops

ROBOT = "fillwise"


@dataclass
class RealDoors:
    """Doors of one market at one instant. context.night is the session that is judged."""

    context: StepContext
    ledger: Ledger
    at: datetime
    registry: Registry | None = None
    raised: set[str] = field(default_factory=set)

    @property
    def market(self) -> str:
        return self.context.market.name

    def state(self) -> MarketState:
        return state_of(self.ledger, self.market)

    def record(self, command: wanted.Command) -> MarketState:
        return record(self.ledger, self.market, command, at=self.at, actor=ROBOT)[0]

    def unrecorded_stops(self, state: MarketState) -> Sequence[StopInForce]:  # noqa: ARG002
        found = unrecorded_stops(self.context.settings, self.market, self.ledger.entries(self.market))
        return [StopInForce(one.stop_id, one.kind, one.scope, one.subject, one.person, one.reason) for one in found]

    def evening(self, state: MarketState, session: str) -> wanted.Evening:
        """The session's evidence; answers only once it was judged, for they were given on what was shown after that."""
        entries = self.ledger.entries(self.market)
        day = production_on(self.market, entries, session)
        night = date.fromisoformat(session)
        following = calendar.session_after(self.context.market, night)
        read_back = self._read_back(state)
        if not day.champions:
            return wanted.Evening(session, str(following), None, (), read_back)
        is_worked = day.rollout is not None and day.rollout.phase is not None
        evidence = session_evidence(self.context, day, night) if is_worked or day.champion != day.benchmark else None
        is_judged = state.rollout is not None and any(one.evidence.session == session for one in state.rollout.sessions)
        is_new = is_worked and not is_judged
        answers = () if is_new else usable_answers(self.context.settings, self.ledger, state, self.at)
        return wanted.Evening(
            session, str(following), evidence if is_worked else None, answers, read_back, champion=evidence
        )

    def _running(self) -> list[DeskReport]:
        return [one for one in desk_reports(self.context.settings, self.market) if not one.is_ended]

    def _read_back(self, state: MarketState) -> wanted.ReadBack:
        """Every desk that runs obeys the last epoch; between sessions none runs, and nothing is missing."""
        missing = [f"{one.desk} has not reported" for one in self._running() if one.is_silent(self.at)]
        missing += [
            f"{one.desk} runs epoch {one.epoch} of {state.epoch}" for one in self._running() if one.epoch < state.epoch
        ]
        return wanted.ReadBack(not missing, stamp(self.at), tuple(missing))

    def enforce(self, stop: StopInForce) -> None:
        told = (stop.kind, stop.scope, stop.subject, stop.person, stop.reason, stamp(self.at))
        enforce_stop(self.context.settings, Stop(stop.stop_id, self.market, *told))

    def lift(self, state: MarketState) -> Sequence[str]:  # noqa: ARG002
        return lift_over(self.context.settings, self.market, self.ledger.entries(self.market), self.at)

    def publish(self, state: MarketState) -> None:
        from pipelines.rollout.snapshot import snapshot_of

        if state.champions:
            publish(self.context.settings, snapshot_of(self.context.market, state, self.ledger.head(), self.at))

    def rollback_done(self, version: str, stop_id: str) -> wanted.ConfirmRollback | tuple[str, ...]:
        found = rollback_progress(self.context.settings, self.market, version, stop_id, self.at)
        if not found.is_done:
            return found.missing
        return wanted.ConfirmRollback(found.read_back_at, found.last_child_at, found.last_cancel_at, found.desks)

    def project(self, state: MarketState) -> Sequence[tuple[str, str, str]]:
        """Aliases of MLflow are put where the ledger says; version 0 is no version of MLflow's and has no alias."""
        registry = self.registry or Registry(self.context.settings)
        challenger = challenger_of(state)
        wished = {"champion": state.champion.version} if state.champions else {}
        wished |= {} if challenger is None else {"challenger": challenger.arm.version}
        expected = {alias: name for alias, name in wished.items() if not name.endswith("/0")}
        before = {alias: name for alias, name in registry.aliases(self.market).items() if alias != CANDIDATE}
        moved = []
        for alias in sorted({*expected, *before}):
            found, right = before.get(alias, ""), expected.get(alias, "")
            if found != right:
                registry.put_alias(self.market, alias, right)
                if found and self._was_projected(alias, found):
                    continue
                moved.append((alias, found, right))
        return [one for one in moved if one[1]]

    def _was_projected(self, alias: str, version: str) -> bool:
        """Whether an earlier event of the ledger put the alias there: then the ledger moved on, not somebody's hand."""
        kinds = ("completed", "fell_back") if alias == "champion" else ("rollout_drafted",)
        refits = [
            entry.payload["version"]
            for entry in self.ledger.entries(self.market)
            if entry.kind in kinds or (entry.kind == "refit_live" and entry.payload["arm"] == alias)
        ]
        return version in refits

    def open_card(self, state: MarketState, rollout: RolloutState, phase: Phase) -> str:
        card = card_of(self.context, self.ledger, state, rollout, phase, self.at)
        return open_card(self.ledger, card, self.at).card_id

    def alarm(self, alarm: Alarm) -> None:
        self.raised.add(alarm.cause)
        raise_alert(
            self.context.settings, self.market, alarm.cause, alarm.severity, alarm.words, alarm.command, self.at
        )

    def clear_alarms(self, state: MarketState) -> None:
        """What rollouts told of and no longer do is over. Aliases and refits are told until somebody has them."""
        settings, names = self.context.settings, tuple(f"{one.rollout_id} " for one in state.rollouts)
        for alert in standing_alerts(settings, self.market):
            if alert.cause.startswith(names) and alert.cause not in self.raised:
                clear_alert(settings, self.market, alert.cause, self.at)
