from dataclasses import replace

import pytest

from tenzo.sw.benchmarks import engine
from tenzo.sw.benchmarks.engine import measure, planned
from tenzo.sw.configuration.config import load_config, preset_names
from tenzo.sw.errors import UserError


@pytest.mark.parametrize("preset", preset_names())
def test_at_least_99_percent_of_the_cycles_multiply(preset):
    assert planned(load_config(preset)).utilisation >= 0.99


@pytest.mark.parametrize("preset", ["digits", "hjb20"])  # a problem has few points
def test_golden_model_counts_the_planned_cycles(preset):
    config = engine._with_random_queries(load_config(preset))
    (measurement,) = measure(config, "golden", 1)
    assert measurement.runs == 2 * engine.WAVES
    assert measurement.counters.run_cycles == measurement.plan.cycles * measurement.runs


@pytest.mark.slow
def test_verilated_engine_counts_the_planned_cycles():
    config = load_config("digits", ("training.queries=1",))
    first, second = measure(config, "verilator", 2)
    assert first.counters.run_cycles == first.plan.cycles * first.runs
    assert second.counters.run_cycles == first.counters.run_cycles


def test_other_cycles_than_planned_are_refused():
    (measurement,) = measure(load_config("digits", ("training.queries=1",)), "golden", 1)
    counters = replace(measurement.counters, run_cycles=measurement.counters.run_cycles + 1)
    with pytest.raises(RuntimeError, match="planned are"):
        replace(measurement, counters=counters).check()


def test_without_verilator_planned_numbers_are_left(monkeypatch, caplog):
    def missing(name, parameters):
        raise UserError("no Verilator: get it")

    monkeypatch.setattr(engine, "open_device", missing)
    records = engine.run(1)
    assert {record.contender for record in records} == {"ideal", "planned"}
    assert caplog.text.count("planned numbers only: no Verilator") == len(preset_names())
