"""A real session: workers do the work, and nothing of it is left afterwards."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.errors import StopError
from infra.settings import Settings
from infra.spark import each_day, spark_session


def square_and_process(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


@dataclass(frozen=True)
class SettingsWithoutJars(Settings):
    @property
    def jars(self) -> Path:
        return self.home / "no-jars"


def is_alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def test_workers_answer_in_order_read_delta_and_leave_no_jvm(tmp_path: Path) -> None:
    from pyspark import SparkContext

    with spark_session(Settings(home=tmp_path)) as session:
        jvm = SparkContext._gateway.proc.pid
        answers = each_day(session, [3, 1, 2], square_and_process)
        again = each_day(session, [4, 5, 6], square_and_process)
        delta = tmp_path / "delta"
        session.range(3).write.format("delta").save(str(delta))
        assert session.read.format("delta").load(str(delta)).count() == 3
        assert session.conf.get("spark.sql.session.timeZone") == "UTC"
        assert is_alive(jvm)
    assert [square for square, _ in answers] == [9, 1, 4]
    assert os.getpid() not in {process for _, process in answers}
    assert {process for _, process in answers} & {process for _, process in again}, "workers are used again"
    assert not is_alive(jvm)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_java_that_does_not_start_is_named_with_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "jre" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho 'Module jdk.incubator.vector not found' >&2\nexit 1\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(java.parents[1]))
    with (
        pytest.raises(StopError, match=r"Spark does not start: .*jre; found .*vector not found.*next: read .*jvm\.log"),
        spark_session(Settings(home=tmp_path)),
    ):
        pass
    gc.collect()


def test_missing_jars_name_the_command_that_fetches_them(tmp_path: Path) -> None:
    with (
        pytest.raises(StopError, match=r"Delta's jars are missing.*make setup"),
        spark_session(SettingsWithoutJars(home=tmp_path)),
    ):
        pass
