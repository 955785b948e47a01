import pytest

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.planning.planner import plan
from tenzo.sw.planning.sizing import fit_engine

NETWORK = Network((Layer(20, 33, Dense(), True), Layer(33, 5, Dense())))


def test_absent_sizes_are_the_next_power_of_two():
    engine = fit_engine(NETWORK, {})
    assert (engine.weight_depth, engine.bias_depth) == (1024, 64)
    assert (engine.stage_slots, engine.result_depth) == (2, 8)
    assert engine.lane_depth == 128
    assert len(plan(NETWORK, engine).memory.samples) == 2


def test_least_sizes_are_those_of_an_engine():
    engine = fit_engine(Network((Layer(1, 1, Dense()),)), {})
    assert engine.lane_depth == engine.weight_depth == engine.bias_depth == 16


def test_given_sizes_stay():
    keys = {"lane_depth": 77, "lane_count": 3, "weight_depth": 900}
    engine = fit_engine(NETWORK, keys)
    assert {name: getattr(engine, name) for name in keys} == keys
    assert fit_engine(NETWORK, {**vars(EngineParameters())}) == EngineParameters()


def test_given_size_that_is_too_small_is_refused():
    with pytest.raises(UserError, match="weight_depth to at least 825"):
        fit_engine(NETWORK, {"weight_depth": 800})


def test_network_larger_than_any_engine_is_refused():
    with pytest.raises(UserError, match="65535"):
        fit_engine(Network((Layer(300, 300, Dense()),)), {})
