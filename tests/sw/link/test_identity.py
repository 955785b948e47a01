"""What is said about an engine that is not the one that was asked for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.lfsr import LfsrParameters
from tenzo.sw.link.identity import check_identity, identity_words, read_identity
from tenzo.sw.packets import IDENTITY_WORDS

ENGINE = EngineParameters()


def complaint(**changes: Any) -> str:
    other = dataclasses.replace(ENGINE, **changes)
    with pytest.raises(UserError) as caught:
        check_identity(identity_words(other), ENGINE)
    return str(caught.value)


def test_an_identity_says_what_the_engine_was_built_from() -> None:
    found = read_identity(identity_words(ENGINE))
    for name in ("digest", "lane_count", "lane_depth", "weight_depth", "bias_depth", "max_bits"):
        assert getattr(found, name) == getattr(ENGINE, name)
    assert (found.stage_slots, found.result_depth, found.requantizer_sharing) == (32, 16, 2)
    assert (found.activation, found.weight) == (str(ENGINE.activation), str(ENGINE.weight))


def test_the_same_engine_is_accepted() -> None:
    check_identity(identity_words(ENGINE), ENGINE)


def test_another_lane_count_is_named_with_both_numbers_and_a_remedy() -> None:
    sentence = complaint(lane_count=4)
    assert "lane_count is 4, not 8 (digest 0x" in sentence
    assert sentence.endswith("(--set engine.lane_count=4 changes no result)")


def test_all_that_differs_is_named() -> None:
    sentence = complaint(activation=Format(18, 12), lane_depth=2048, lane_count=4)
    assert (
        "activation is 18 bits, 12 fractional, not 16 bits, 13 fractional; lane_count is 4, not 8; "
        "lane_depth is 2048, not 1024 (digest"
    ) in sentence
    assert "--set" not in sentence


def test_a_difference_that_no_engine_tells_is_named_too() -> None:
    assert "its random stream or its tables differ (digest" in complaint(
        lfsr=LfsrParameters(32, 0xE0000200)
    )


def test_an_old_engine_is_named() -> None:
    words = identity_words(ENGINE)
    words[IDENTITY_WORDS.index("protocol_version")] = 1
    words[IDENTITY_WORDS.index("activation")] = 0xFFFFFFFF
    with pytest.raises(UserError, match="speaks protocol version 1, this program version 2: build"):
        check_identity(words, ENGINE)


@pytest.mark.parametrize("words", [[], [1, 2, 3], [0] * len(IDENTITY_WORDS)])
def test_what_is_no_engine_is_named(words: list[int]) -> None:
    with pytest.raises(UserError, match="no Tenzo engine answers"):
        check_identity(words, ENGINE)
