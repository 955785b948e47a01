import pytest

from tenzo.sim import rates
from tenzo.sim.rates import Rate
from tenzo.sw.benchmarks import cosim


@pytest.fixture
def measured(monkeypatch):
    """Rates in turns, without simulators."""
    calls = []

    def fake(name, steps, cycles):
        def measure(config, *_):
            calls.append((name, config.training.batch, config.engine().lane_count))
            return Rate(steps, cycles, 2.0)

        return measure

    monkeypatch.setattr(rates, "native_rate", fake("verilator", 20, 4000))
    monkeypatch.setattr(rates, "cocotb_rate", fake("cocotb", 1, 200))
    monkeypatch.setattr(rates, "amaranth_rate", fake("amaranth", 0, 20))
    return cosim.run(2), calls


def test_simulators_take_turns(measured):
    _, calls = measured
    turn = [("verilator", 32, 8), ("cocotb", 32, 8), ("amaranth", 8, 8)]
    assert calls == [*turn[:2], *turn, *turn]


def test_cycles_and_steps_a_second_are_told(measured):
    records, _ = measured
    assert [(record.contender, record.unit, record.value) for record in records] == [
        ("verilator", "cycles/s", 2000.0),
        ("cocotb", "cycles/s", 100.0),
        ("amaranth", "cycles/s", 10.0),
        ("verilator", "steps/s", 10.0),
        ("cocotb", "steps/s", 0.5),
    ]
