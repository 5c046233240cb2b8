"""Who made a candidate: nobody of them may approve it.

Authors are those of the commits in which the candidate's revision and the champion's differ (git's authors and
co-authors, mapped to people), whoever changed settings, and whoever started the run. Someone whom no person is mapped
to, or code that was not committed, means that nobody knows: then two persons must agree (`approvals_needed`), and a
candidate of which no author at all is known is refused.

What it is not: proof. A committer types what name they like; map people's addresses and have commits signed where they
are merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import RefusedError
from infra.revision import Change, changes_since
from infra.settings import PROJECT
from pipelines.approval.people import ROBOT, Person

DIRTY = "+dirty"
"""How a revision of edited code is written."""
CAREFUL = 2
"""Who might be approving their own work is watched by a second person."""


@dataclass(frozen=True)
class Authors:
    """names: people. unknown: names that no person is mapped to. is_dirty: made from code that was not committed."""

    names: tuple[str, ...]
    unknown: tuple[str, ...]
    is_dirty: bool

    @property
    def all_names(self) -> tuple[str, ...]:
        """Everybody, for the record; an unknown one can be nobody who approves."""
        return (*self.names, *self.unknown)


def _person(people: Mapping[str, Person], text: str) -> str | None:
    """The person who is known by that name or address."""
    return next((one.name for one in people.values() if text.strip() and one.is_known_as(text)), None)


def is_among(person: Person, authors: Iterable[str]) -> bool:
    """Whether a person is one of the authors, under whatever name: also one who was mapped to a commit only later."""
    return person.is_known_as(*authors)


def _mapped(changes: Iterable[Change], people: Mapping[str, Person]) -> tuple[set[str], set[str]]:
    names, unknown = set[str](), set[str]()
    for one in changes:
        person = _person(people, one.email) or _person(people, one.name)
        if person is None:
            unknown.add(f"{one.name} <{one.email}>")
        else:
            names.add(person)
    return names, unknown


def authors_since(
    revision: str | None,
    head: str,
    people: Mapping[str, Person],
    *,
    others: Iterable[str] = (),
    folder: Path = PROJECT,
) -> Authors:
    """Authors of what `head` changed since the champion's revision, None where there is none: then of all of it.

    Both as git names them, `+dirty` behind those of edited code. others: who changed settings or started the run, as
    they are known to Airflow or the machine; our own service is nobody.
    """
    is_dirty, bare = head.endswith(DIRTY), head.removesuffix(DIRTY)
    changes = changes_since(None if revision is None else revision.removesuffix(DIRTY), bare, folder)
    names, unknown = _mapped(changes or (), people)
    if changes is None:
        unknown.add(f"git cannot tell what {bare} changed since {revision or 'the beginning'}")
    for other in others:
        person = _person(people, other)
        if person is not None:
            names.add(person)
        elif other != ROBOT:
            unknown.add(other)
    return Authors(tuple(sorted(names)), tuple(sorted(unknown)), is_dirty)


def approvals_needed(authors: Authors, planned: int) -> int:
    """Persons who must agree: as planned, two at least where nobody knows who made it. Raises RefusedError."""
    if not authors.all_names:
        raise RefusedError(
            "candidate has no author", which="authors", found="nobody", allowed="who made it, known or unknown",
            next_step="map the commits' addresses: fillwise people identify NAME --identity ADDRESS",
        )  # fmt: skip
    return max(planned, CAREFUL) if authors.unknown or authors.is_dirty else planned
