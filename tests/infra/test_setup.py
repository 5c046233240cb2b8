"""Set-up: the script's own functions, run in a shell of their own, and what the lock file promises."""

import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from infra.settings import PROJECT

SETUP = PROJECT / "infra" / "deploy" / "setup.sh"
LOCK = (PROJECT / "requirements.lock").read_text()
PINS = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", LOCK, re.MULTILINE)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def shell(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `code` after the functions of setup.sh have been read; nothing is set up."""
    given = {**os.environ, **environment}
    given.pop("JAVA_HOME", None)
    return subprocess.run(
        ["/bin/bash", "-c", f"source {SETUP}; {code}"], env={**given, **environment}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


def test_a_shim_that_fails_is_passed_over_for_a_python_that_runs(tmp_path: Path) -> None:
    script(tmp_path / "shims" / "python3.12", "echo 'command not found' >&2; exit 127")
    script(tmp_path / "real" / "python3.11", f'exec {sys.executable} "$@"')
    found = shell("find_python", PATH=f"{tmp_path}/shims:{tmp_path}/real:/usr/bin:/bin")
    assert found.stdout.strip() == str(tmp_path / "real" / "python3.11")


def test_a_python_of_another_version_is_passed_over(tmp_path: Path) -> None:
    assert shell(f"python_version {script(tmp_path / 'none', 'exit 0')}").stdout == ""
    assert shell(f"python_version {sys.executable}").stdout.strip() == "{}.{}".format(*sys.version_info[:2])
    assert shell("choose_python", PYTHON=str(tmp_path / "missing")).returncode == 1
    assert "neither Python 3.11 nor 3.12" in shell("choose_python", PYTHON=str(tmp_path / "missing")).stderr


def test_without_root_the_missing_packages_are_named(tmp_path: Path) -> None:
    stopped = shell(
        "may_install() { false; }; install_packages openjdk-17-jre-headless python3.11-venv", HOME=str(tmp_path)
    )
    assert stopped.returncode == 1
    assert stopped.stderr == (
        "setup: install these system packages, then run the same command again: openjdk-17-jre-headless "
        "python3.11-venv (needs root or sudo without a password)\n"
    )


@pytest.mark.parametrize(
    ("version", "has_vector", "is_good"),
    [("17.0.15", True, True), ("21", True, True), ("11.0.2", True, False), ("17", False, False)],
)
def test_java_must_be_17_and_carry_what_spark_asks_for(
    tmp_path: Path, version: str, has_vector: bool, is_good: bool
) -> None:
    refuse = "" if has_vector else '[ "$1" = --add-modules ] && exit 1'
    java = script(tmp_path / "bin" / "java", f"{refuse}\necho 'openjdk version \"{version}\"' >&2")
    assert shell(f"is_java {java} && echo good").stdout.strip() == ("good" if is_good else "")


def test_java_home_is_looked_at_first(tmp_path: Path) -> None:
    java = script(tmp_path / "bin" / "java", "echo 'openjdk version \"21.0.1\"' >&2")
    assert shell("find_java", JAVA_HOME=str(tmp_path)).stdout.strip() == str(java)


def test_a_jar_with_another_checksum_is_thrown_away(tmp_path: Path) -> None:
    resolver = 'resolve() { printf tampered > "$4/thing-1.0.jar"; }'
    stopped = shell(f"jars={tmp_path}; {resolver}; fetch_jar org thing 1.0 {'0' * 64}")
    assert stopped.returncode == 1
    assert "thing-1.0.jar does not have the checksum" in stopped.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_jar_that_cannot_be_fetched_may_be_put_there_by_hand(tmp_path: Path) -> None:
    stopped = shell(f"jars={tmp_path}; resolve() {{ echo unreachable > $4/log; }}; fetch_jar org thing 1.0 {'0' * 64}")
    assert stopped.returncode == 1
    assert f"put that jar at {tmp_path}/thing-1.0.jar by hand, or set IVY_SETTINGS" in stopped.stderr
    assert "unreachable" in stopped.stderr
    (tmp_path / "thing-1.0.jar").write_text("by hand")
    digest = shell(f"sha256sum {tmp_path}/thing-1.0.jar").stdout[:64]
    assert shell(f"jars={tmp_path}; resolve() {{ exit 9; }}; fetch_jar org thing 1.0 {digest}").returncode == 0


def test_postgresql_is_installed_for_the_tests_without_a_cluster_of_its_own(tmp_path: Path) -> None:
    conf = tmp_path / "createcluster.conf"
    conf.write_text("# comment\n#create_main_cluster = true\nother = 1\n")
    log = tmp_path / "log"
    doors = (
        f"has_postgres() {{ [ -e {tmp_path}/there ]; }}; may_install() {{ true; }}; refresh_lists() {{ :; }}; "
        f'as_root() {{ "$@"; }}; install_packages() {{ echo "$* $(grep -c false {conf})" >>{log}; '
        f'[ "$1" != postgresql ] || touch {tmp_path}/there; }}; createcluster={conf}; '
    )
    assert shell(f"{doors} main tests; main tests").returncode == 0
    assert log.read_text() == "postgresql-common 0\npostgresql 1\n"
    assert conf.read_text() == "# comment\ncreate_main_cluster = false\nother = 1\n"


def test_where_postgresql_cannot_be_installed_its_package_is_named() -> None:
    stopped = shell("has_postgres() { false; }; may_install() { false; }; main tests")
    assert stopped.returncode == 1
    assert "then run the same command again: postgresql (needs root" in stopped.stderr
    broken = shell("has_postgres() { false; }; may_install() { false; }; install_packages() { :; }; main tests")
    assert (broken.returncode, "there is no initdb" in broken.stderr) == (1, True)


def test_every_pin_carries_hashes_and_nobody_elses_address() -> None:
    blocks = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(PINS) > 200
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in LOCK
    assert "/tmp" not in LOCK  # noqa: S108


def test_the_lock_holds_every_dependency_and_leaves_the_gpu_library_out() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=~ ]", requirement)[0].lower() for requirement in declared}
    assert names - set(PINS) == set()
    for line in LOCK.splitlines():
        assert not line.startswith("nvidia-") or "sys_platform == 'never'" in line


def test_set_up_files_name_no_registry() -> None:
    for name in ("Makefile", ".ci/run", "infra/deploy/setup.sh", "infra/deploy/jars.txt", "infra/deploy/overrides.txt"):
        assert "://" not in (PROJECT / name).read_text(), name


def test_the_script_installs_exactly_the_locked_uv() -> None:
    lines = shell("locked uv").stdout.splitlines()
    assert re.match(r"uv==\d", lines[0])
    assert len(lines) > 5
    assert all("--hash=sha256:" in line for line in lines[1:])
    assert not lines[-1].endswith("\\")
