"""Training and its artefacts under faults: no memory, a store that is locked, planted code, bytes that are no model."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from infra.errors import LakeError
from infra.registry import Registry
from infra.settings import PROJECT, Settings
from infra.version_files import version_folder, write_version
from models.signal import fit_signal
from pipelines import train
from pipelines.versions import load_by_digest
from tests.models.test_signal import QUICK, rows_of
from tests.pipelines.recipes.small_market import MARKET, TONIGHT, a_context

pytestmark = pytest.mark.filterwarnings("ignore")
STARVED = """
import resource, sys
from pathlib import Path
from infra.settings import Settings
from tests.pipelines.recipes.small_market import a_context, small_settings
from pipelines import train
import mlflow, xgboost, sklearn
context = a_context(small_settings(Path(sys.argv[1])))
dataset = train.training_dataset(context, train.training_days(context, train.training_set(context)))
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv[2]), size + int(sys.argv[2])))
train.run(context)
"""


def test_training_that_runs_out_of_memory_registers_nothing_and_the_retry_is_clean(settings: Settings) -> None:
    words = [sys.executable, "-c", STARVED, str(settings.home), str(1 << 20)]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode != 0, done.stdout
    assert Registry(settings).versions("sample") == ()
    train.run(a_context(settings))
    assert [one.name for one in Registry(settings).versions("sample")] == ["sample.execution/1"]


def test_a_store_that_is_locked_between_logging_and_registering_leaves_no_half_version(settings: Settings) -> None:
    database = settings.registry / "mlflow.db"
    registry = Registry(settings)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = subprocess.run(
            [sys.executable, "-m", "pipelines", "train", "--market", MARKET.name, "--day", str(TONIGHT)],
            cwd=PROJECT, env={**os.environ, "FILLWISE_HOME": str(settings.home), "FILLWISE_SAMPLE_SYMBOLS": "2"},
            capture_output=True, text=True, check=False, timeout=400,
        )  # fmt: skip
        other.execute("ROLLBACK")
    assert done.returncode == 75, done.stderr
    assert "MLflow's database does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert registry.versions("sample") == ()
    train.run(a_context(settings))
    assert [one.number for one in registry.versions("sample")] == [1]


def planted(settings: Settings, files: dict[str, bytes]) -> str:
    """A version on disk, some of its files as somebody who can write there would leave them."""
    model = fit_signal(rows_of(), QUICK, seed=7, threads=1)
    told = {"policy.json": json.dumps({"name": "x"}).encode()}
    digest, folder = write_version(settings.registry, "sample", {**model.to_files(), **told}, {"night": str(TONIGHT)})
    for name, payload in files.items():
        (folder / name).write_bytes(payload)
    return digest


def test_code_that_somebody_left_beside_a_model_is_never_executed(settings: Settings, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    code = f"import pathlib; pathlib.Path({str(marker)!r}).touch()".encode()
    evil = {
        "evil.py": code, "conftest.py": code, "python_model.pkl": f"cos\nsystem\n(S'touch {marker}'\ntR.".encode(),
        "MLmodel": b"flavors:\n  python_function:\n    loader_module: evil\n    code: .\n",
    }  # fmt: skip
    train.run(a_context(settings))
    version = Registry(settings).versions("sample")[0]
    for name, payload in evil.items():
        (version_folder(settings.registry, "sample", version.digest) / name).write_bytes(payload)
    assert load_by_digest(settings.registry, "sample", version.name, version.digest).signal is not None
    assert not marker.exists()


LOADS = "import sys; from models.signal import from_files; import pickle, pathlib; " + (
    "folder = pathlib.Path(sys.argv[1]); from_files({one.name: one.read_bytes() for one in folder.iterdir()})"
)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\x00" * 64, b"{L" + b"[" * 200_000, b"{L\x7f\xff\xff\xff\xff\xff\xff\xff", b"{}" * 10],
    ids=["empty", "half", "noughts", "deep", "a length of exabytes", "no model"],
)
def test_bytes_that_are_no_model_are_an_error_of_the_process_that_reads_them(tmp_path: Path, payload: bytes) -> None:
    digest = planted(Settings(home=tmp_path), {"signal_120s.ubj": payload})
    with pytest.raises(LakeError, match="a version's file was altered"):
        load_by_digest(Settings(home=tmp_path).registry, "sample", "sample.execution/1", digest)
    done = subprocess.run(
        [sys.executable, "-c", LOADS, str(version_folder(Settings(home=tmp_path).registry, "sample", digest))],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
