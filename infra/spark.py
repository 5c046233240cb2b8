"""The only door to Spark: a session with Delta's two jars, and `each_day`, which hands out days to workers.

Rows never pass through the JVM: a task reads and writes Parquet with Arrow, Spark decides where it runs, on two cores
or on a cluster (`benchmarks/`). The jars lie in the project's own folder and are checked at set-up, so a start asks
no network.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from infra.errors import StopError
from infra.settings import PROJECT, Settings

JARS = ("delta-spark_4.2_2.13-4.4.0.jar", "delta-storage-4.4.0.jar")
COORDINATING = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Options of a JVM that only hands out days: compiling itself well and collecting in parallel take two CPU seconds."""
LOGGING = PROJECT / "infra" / "deploy" / "log4j2.properties"
GIVEN = TypeVar("GIVEN")
MADE = TypeVar("MADE")


def _jars(settings: Settings) -> str:
    missing = [name for name in JARS if not (settings.jars / name).is_file()]
    if missing:
        raise StopError(
            "Delta's jars are missing",
            which=settings.jars,
            found=f"no {', '.join(missing)}",
            allowed="both jars",
            next_step="run `make setup`",
        )
    return ",".join(str(settings.jars / name) for name in JARS)


def _options(settings: Settings, java: str) -> dict[str, str]:
    scratch = settings.cache / "spark"
    return {
        "spark.jars": _jars(settings),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.shuffle.partitions": "4",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.driver.memory": settings.spark_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.python.worker.reuse": "true",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.driver.extraJavaOptions": f"{java} -Dlog4j2.configurationFile=file:{LOGGING}".strip(),
    }


@contextmanager
def _errors_into(path: Path) -> Iterator[None]:
    """What is written to standard error meanwhile, and by every process started meanwhile, goes into a file.

    The JVM greets with warnings about its own modules that no setting of Spark's reaches.
    """
    sys.stderr.flush()
    kept, log = os.dup(2), os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(log)


def _started(settings: Settings, java: str) -> Any:
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{settings.threads}]").appName("fillwise")
    for name, value in _options(settings, java).items():
        builder = builder.config(name, value)
    log = settings.cache / "spark" / "jvm.log"
    try:
        with _errors_into(log):
            return builder.getOrCreate()
    except PySparkRuntimeError as error:
        lines = log.read_text(errors="replace").splitlines()
        raise StopError(
            "Spark does not start",
            which=os.environ.get("JAVA_HOME", "java on the PATH"),
            found=(lines or [str(error)])[0][:200],
            allowed="a running Java 17 or newer with the module jdk.incubator.vector",
            next_step=f"read {log}, then run `make setup`",
        ) from error


@contextmanager
def spark_session(settings: Settings, java: str = COORDINATING) -> Iterator[Any]:
    """A session on `local[threads]`, stopped on the way out, its JVM waited for. `java`: options of the JVM.

    Raises StopError when the jars are missing or the JVM does not start; what it said lies in `cache/spark/jvm.log`.
    """
    from pyspark import SparkContext

    (settings.cache / "spark").mkdir(parents=True, exist_ok=True)
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = _started(settings, java)
    try:
        yield session
    finally:
        session.stop()
        gateway = SparkContext._gateway
        if gateway is not None:
            gateway.shutdown()
            if getattr(gateway, "proc", None) is not None:
                gateway.proc.stdin.close()
                gateway.proc.wait(timeout=30)
            SparkContext._gateway = SparkContext._jvm = None


def _unswept(task: Callable[[GIVEN], MADE]) -> Callable[[GIVEN], MADE]:
    """The task, with what is loaded by then set aside from garbage collection.

    PySpark's workers collect after every task, which walks all of Numba, Arrow and pandas: 90 ms a day.
    """

    def run(item: GIVEN) -> MADE:
        gc.freeze()
        return task(item)

    return run


def each_day(session: Any, items: Iterable[GIVEN], task: Callable[[GIVEN], MADE]) -> list[MADE]:
    """`task(item)` for every item on Spark's workers, in the order given. Task and items must pickle."""
    given = list(items)
    made: list[MADE] = session.sparkContext.parallelize(given, max(1, len(given))).map(_unswept(task)).collect()
    return made
