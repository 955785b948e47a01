from __future__ import annotations

import pytest

from tenzo.boards.catalogue import boards, find_board
from tenzo.sw.configuration.config import load_config
from tenzo.sw.planning.fit import fit_board, without_sizes, would_do
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.resources import MemoryNeed, engine_use, memory_needs


def keys_of(preset: str):
    config = load_config(preset)
    return config.network(), without_sizes(config.engine_keys())


@pytest.mark.parametrize("preset", ["digits", "mnist", "hjb20"])
@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_engine_that_fits_holds_the_network(preset: str, board) -> None:
    network, keys = keys_of(preset)
    fit = fit_board(network, keys, board)
    if fit.engine is None:
        assert fit.obstacle
    else:
        assert plan(network, fit.engine).cycles > 0
        assert engine_use(fit.engine, board) == fit.use and fit.use.fits(board)


def test_one_lane_more_does_not_fit_where_memory_decides() -> None:
    network, keys = keys_of("mnist")
    board = find_board("ulx3s-12f")
    fit = fit_board(network, keys, board, most_lanes=256)
    assert fit.engine is not None
    lanes = fit.engine.lane_count + fit.engine.requantizer_sharing
    assert fit_board(network, {**keys, "lane_count": lanes}, board).engine is None


def test_lanes_are_at_most_those_that_met_the_clock() -> None:
    network, keys = keys_of("digits")
    board = find_board("ulx3s-85f")
    fit = fit_board(network, keys, board)
    assert fit.engine is not None and fit.engine.lane_count == board.lanes


def test_deeper_memories_take_no_more_block_rams() -> None:
    network, keys = keys_of("digits")
    board = find_board("ulx3s-12f")
    chosen = fit_board(network, {**keys, "lane_count": 4}, board)
    told = {"lane_depth": 700, "weight_depth": 752, "bias_depth": 74, "result_depth": 10}
    least = fit_board(network, {**keys, "lane_count": 4, **told}, board)
    assert chosen.engine is not None and least.engine is not None
    assert chosen.engine.weight_depth > least.engine.weight_depth
    assert chosen.use.block_rams == least.use.block_rams


def test_second_sample_region_is_given_up_for_lanes() -> None:
    network, keys = keys_of("mnist")
    fit = fit_board(network, keys, find_board("ulx3s-85f"))
    assert fit.engine is not None
    assert len(plan(network, fit.engine).memory.samples) == 1


@pytest.mark.parametrize(
    ("preset", "lanes", "sharing"),
    [
        ("digits", 64, 4),  # as fast as with 1 or 2, and fewest LUTs
        ("hjb20", 64, 4),  # stages of two terms wait: 7 % slower, but a third fewer LUTs
        ("mnist", 33, 1),  # results are few enough for LUTs, which leaves block RAM for lanes
    ],
)
def test_sharing_takes_fewest_luts_and_is_fast(preset: str, lanes: int, sharing: int) -> None:
    network, keys = keys_of(preset)
    fit = fit_board(network, keys, find_board("ulx3s-85f"))
    assert fit.engine is not None
    assert (fit.engine.lane_count, fit.engine.requantizer_sharing) == (lanes, sharing)


def test_sharing_that_was_told_is_kept() -> None:
    network, keys = keys_of("mnist")
    fit = fit_board(network, {**keys, "requantizer_sharing": 2}, find_board("ulx3s-85f"))
    assert fit.engine is not None
    assert (fit.engine.lane_count, fit.engine.requantizer_sharing) == (30, 2)


def test_second_sample_region_is_kept_where_it_costs_no_lane() -> None:
    network, keys = keys_of("digits")
    fit = fit_board(network, keys, find_board("ulx3s-85f"), most_lanes=8)
    assert fit.engine is not None
    assert len(plan(network, fit.engine).memory.samples) == 2


def test_sizes_that_were_told_are_kept() -> None:
    config = load_config("digits")
    keys = without_sizes(config.engine_keys(), ["lane_count"])
    fit = fit_board(config.network(), keys, find_board("ulx3s-85f"))
    assert fit.engine is not None and fit.engine.lane_count == 8


def test_obstacle_names_the_memory_and_what_is_missing() -> None:
    network, keys = keys_of("mnist")
    fit = fit_board(network, keys, find_board("icebreaker"))
    assert fit.engine is None
    missing = fit.use.block_rams - 30
    assert fit.obstacle.startswith(
        f"1 lane needs {fit.use.block_rams} block RAMs, {missing} more than icebreaker has for them"
    )
    assert "the memory of lanes takes" in fit.obstacle


def test_smallest_board_that_would_do_is_named() -> None:
    network, keys = keys_of("mnist")
    assert would_do(network, keys, boards()) == "tang-nano-9k"


def test_no_board_holds_more_lanes_than_multipliers() -> None:
    network, keys = keys_of("digits")
    assert would_do(network, {**keys, "lane_count": 256}, boards()) == ""


@pytest.mark.parametrize(
    ("words", "bits", "blocks"), [(1024, 18, 1), (1025, 16, 2), (512, 36, 1), (2048, 16, 2)]
)
def test_block_rams_of_a_memory_on_ecp5(words: int, bits: int, blocks: int) -> None:
    family = find_board("ulx3s-85f").family
    assert MemoryNeed("any", words, bits).block_rams(family) == blocks


def test_equal_memories_count_each() -> None:
    family = find_board("icebreaker").family
    assert MemoryNeed("any", 256, 16, 3).block_rams(family) == 3


def test_lanes_of_wide_activations_take_two_multipliers() -> None:
    network, keys = keys_of("hjb20")
    board = find_board("ulx3s-85f")
    fit = fit_board(network, keys, board)
    assert fit.engine is not None
    each = -(-fit.engine.activation.width // 18)
    assert fit.use.multipliers == each * (fit.engine.lane_count + fit.engine.table_units)


def test_every_memory_is_named_once() -> None:
    engine = load_config("hjb20").engine()
    names = [need.name for need in memory_needs(engine)]
    assert len(names) == len(set(names))
