"""Who made a candidate, read from a real git repository: nobody of them may approve it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from infra.errors import RefusedError
from infra.revision import changes_since
from pipelines.approval.authors import Authors, approvals_needed, authors_since, is_among
from pipelines.approval.people import Person

ADA = Person("ada", ("author",), "3", ("Ada L <ada@example.org>",))
PAUL = Person("paul", ("approver",), "4", ("paul@example.org",))
PEOPLE = {"ada": ADA, "paul": PAUL}


class Repository:
    """A checkout in which anybody commits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str, **environment: str) -> str:
        given = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", **environment}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words], env=given, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, name: str, email: str, message: str = "work") -> str:
        """An empty commit; its revision."""
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", email))
        }
        self.git("commit", "--quiet", "--allow-empty", "-m", message, **who)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Repository(tmp_path)
    found.commit("Old Hand", "old@example.org")
    return found


def test_authors_are_those_of_the_commits_since_the_champion(repository: Repository) -> None:
    champion = repository.git("rev-parse", "HEAD")
    repository.commit("Ada L", "ADA@example.org")
    head = repository.commit("Somebody", "paul@example.org")
    assert authors_since(champion, head, PEOPLE, folder=repository.folder) == Authors(("ada", "paul"), (), False)
    assert authors_since(head, head, PEOPLE, folder=repository.folder) == Authors((), (), False)


def test_whoever_wrote_with_somebody_is_an_author(repository: Repository) -> None:
    champion = repository.git("rev-parse", "HEAD")
    head = repository.commit("Ada L", "ada@example.org", "work\n\nCo-authored-by: Paul P <paul@example.org>")
    assert authors_since(champion, head, PEOPLE, folder=repository.folder).names == ("ada", "paul")


def test_commits_of_both_sides_count_when_the_champion_was_on_another_branch(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    champion = repository.commit("Paul", "paul@example.org")
    repository.git("checkout", "--quiet", "-b", "other", base)
    head = repository.commit("Ada L", "ada@example.org")
    assert authors_since(champion, head, PEOPLE, folder=repository.folder).names == ("ada", "paul")


def test_without_a_champion_everybody_who_ever_committed_is_an_author(repository: Repository) -> None:
    head = repository.commit("Ada L", "ada@example.org")
    found = authors_since(None, head, PEOPLE, folder=repository.folder)
    assert found == Authors(("ada",), ("Old Hand <old@example.org>",), False)


def test_who_started_the_run_or_changed_settings_is_an_author(repository: Repository) -> None:
    head = repository.git("rev-parse", "HEAD")
    found = authors_since(head, head, PEOPLE, others=("4", "fillwise", "root"), folder=repository.folder)
    assert found == Authors(("paul",), ("root",), False)


@pytest.mark.parametrize("champion", ["0" * 40, "--output=/tmp/x", "HEAD; true", "main"])
def test_a_revision_of_which_git_cannot_tell_makes_the_authors_unknown(repository: Repository, champion: str) -> None:
    head = repository.git("rev-parse", "HEAD")
    found = authors_since(champion, head, PEOPLE, folder=repository.folder)
    assert found.unknown == (f"git cannot tell what {head} changed since {champion}",)


def test_a_folder_that_is_no_checkout_makes_the_authors_unknown(tmp_path: Path) -> None:
    assert authors_since(None, "HEAD", PEOPLE, folder=tmp_path).unknown != ()


def test_a_shallow_checkout_does_not_know_everybody(repository: Repository, tmp_path: Path) -> None:
    repository.commit("Ada L", "ada@example.org")
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.folder}", str(shallow))
    assert authors_since(None, "HEAD", PEOPLE, folder=shallow).unknown != ()


def test_edited_code_is_dirty(repository: Repository) -> None:
    head = repository.commit("Ada L", "ada@example.org")
    assert authors_since(head, f"{head}+dirty", PEOPLE, folder=repository.folder).is_dirty


def test_control_characters_in_a_name_do_not_make_another_author(repository: Repository) -> None:
    champion = repository.git("rev-parse", "HEAD")
    head = repository.commit("Eve\x1fada@example.org\x1e", "eve@example.org")
    changes = changes_since(champion, head, repository.folder)
    assert changes is not None
    assert [one.email for one in changes] == ["eve@example.org"]
    assert authors_since(champion, head, PEOPLE, folder=repository.folder).names == ()


@pytest.mark.parametrize(
    ("authors", "planned", "needed"),
    [
        (Authors(("ada",), (), False), 1, 1),
        (Authors(("ada",), ("Eve",), False), 1, 2),
        (Authors(("ada",), (), True), 1, 2),
        (Authors((), ("Eve",), True), 3, 3),
    ],
)
def test_what_nobody_knows_needs_two_persons(authors: Authors, planned: int, needed: int) -> None:
    assert approvals_needed(authors, planned) == needed


def test_a_candidate_without_any_author_is_refused() -> None:
    with pytest.raises(RefusedError, match="candidate has no author"):
        approvals_needed(Authors((), (), False), 1)


def test_a_person_is_among_the_authors_under_any_of_their_names() -> None:
    assert is_among(PAUL, ("Paul P <PAUL@example.org>",))
    assert is_among(PAUL, ("4",))
    assert not is_among(PAUL, ("Paul Q <q@example.org>", ""))
