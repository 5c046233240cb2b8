import subprocess
import sys

import pytest

from infra.errors import SettingsError
from infra.settings import read_settings


def test_a_misspelt_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match="did you mean FILLWISE_THREADS"):
        read_settings({"FILLWISE_THREAD": "2"})


@pytest.mark.parametrize(("name", "value"), [("THREADS", "0"), ("THREADS", "two"), ("SAMPLE_SYMBOLS", "9")])
def test_a_setting_out_of_range_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"FILLWISE_{name}"):
        read_settings({f"FILLWISE_{name}": value})


def test_a_date_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"FILLWISE_SAMPLE_SHIFT_FROM.*YYYY-MM-DD"):
        read_settings({"FILLWISE_SAMPLE_SHIFT_FROM": "tomorrow"})
    assert read_settings({"FILLWISE_SAMPLE_SHIFT_FROM": "2026-04-01"}).sample_shift_from == "2026-04-01"


def test_other_variables_are_not_ours() -> None:
    assert read_settings({"THREADS": "9", "FILLWISE_THREADS": "3"}).threads == 3


def test_status_and_help_import_only_the_standard_library() -> None:
    code = (
        "import sys, pipelines.__main__ as m, pipelines.status\n"
        "m.build_parser().format_help()\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'mlflow', 'pyspark', 'airflow', 'xgboost', 'numba', 'deltalake'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
