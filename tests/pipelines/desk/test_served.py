"""What the desk writes down of a vector comes back to the last bit, and what is no vector is refused in words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from features.engine import FEATURE_NAMES
from infra.errors import ContractError
from pipelines.desk.served import vector_of, vector_texts

COUNT = len(FEATURE_NAMES)
WHOLE = dict.fromkeys(FEATURE_NAMES, 1.5)


def test_any_32_bits_come_back_as_they_were() -> None:
    drawn = np.random.default_rng(5).integers(0, 2**32, (400, COUNT), dtype=np.uint32).view(np.float32)
    vectors = np.where(np.isfinite(drawn), drawn, np.float32(np.nan))
    found = np.stack([vector_of(text) for text in vector_texts(vectors).to_pylist()])
    assert np.isnan(vectors).any()
    assert np.array_equal(np.isnan(found), np.isnan(vectors))
    assert (found.view(np.uint32) == vectors.view(np.uint32))[~np.isnan(vectors)].all()


def test_a_negative_zero_keeps_its_sign() -> None:
    (text,) = vector_texts(np.full((1, COUNT), -0.0, np.float32)).to_pylist()
    assert np.signbit(vector_of(text)).all()


def test_a_vector_is_one_object_in_the_order_of_the_catalog() -> None:
    (text,) = vector_texts(np.full((1, COUNT), np.nan, np.float32)).to_pylist()
    assert json.loads(text) == dict.fromkeys(FEATURE_NAMES)
    assert list(json.loads(text)) == list(FEATURE_NAMES)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "no JSON object"),
        ("[1.5]", "no JSON object"),
        (json.dumps({name: 1.5 for name in FEATURE_NAMES[1:]}), f"no {FEATURE_NAMES[0]}"),
        (json.dumps({**WHOLE, "tomorrow": 1.5}), "an unknown tomorrow"),
        (json.dumps({**WHOLE, FEATURE_NAMES[0]: "1.5"}), "values that are no numbers"),
        (json.dumps({**WHOLE, FEATURE_NAMES[0]: float("nan")}), "values that are no numbers"),
    ],
)
def test_what_is_no_vector_of_the_catalog_is_refused(text: str, found: str) -> None:
    with pytest.raises(ContractError) as refused:
        vector_of(text)
    assert refused.value.found == found
