"""Plans: multiply-accumulates, cycles, memory maps, errors."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tenzo.sw.networks.network import Dense, Layer, Network
from tenzo.sw.planning.planner import Plan, plan, shift_range
from tenzo.sw.planning.program_check import check_program, footprint
from tenzo.sw.planning.schedule import program_cycles
from tenzo.sw.program import Activation
from tests.sw.network_cases import (
    DIGITS,
    LARGE_ENGINE,
    MNIST,
    MNIST_1024,
    TABLE_ENGINE,
    networks,
)

ENGINE = EngineParameters()


@pytest.mark.parametrize(
    ("network", "macs", "parameters"),
    [
        (DIGITS, [6144, 1696], 826),
        (MNIST, [95488, 5792], 1504),
        (MNIST_1024, [338688, 27360], 3962),
    ],
)
def test_multiply_accumulates_of_the_presets(network, macs, parameters):
    planned = plan(network, LARGE_ENGINE)
    assert [layer.macs for layer in planned.layers] == macs
    assert planned.macs == sum(macs)
    assert planned.parameter_count == parameters


@pytest.mark.parametrize(("network", "least"), [(DIGITS, 0.998), (MNIST, 0.9998)])
def test_presets_keep_the_multipliers_busy(network, least):
    planned = plan(network, LARGE_ENGINE)
    assert planned.utilisation > least
    assert [stage.wait_cycles for stage in planned.stages] == [0] * len(planned.stages)


def test_the_digits_program_takes_7853_cycles():
    planned = plan(DIGITS, ENGINE)
    assert planned.cycles == 7840 + 13
    assert planned.cycles == program_cycles(planned.program, ENGINE)


def test_memory_map_of_digits():
    memory = plan(DIGITS, ENGINE).memory
    regions = [(region.name, region.base, region.size) for region in memory.regions]
    assert regions == [
        ("samples A", 0, 64),
        ("samples B", 64, 64),
        ("ping", 128, 256),
        ("pong", 384, 256),
    ]
    assert memory.words == 640


def test_two_sample_regions_fit_exactly():
    memory = plan(DIGITS, replace(ENGINE, lane_depth=640)).memory
    assert len(memory.samples) == 2
    assert len(plan(DIGITS, replace(ENGINE, lane_depth=639)).memory.samples) == 1


def test_one_sample_region_is_enough_where_two_do_not_fit():
    memory = plan(DIGITS, replace(ENGINE, lane_depth=576)).memory
    assert [region.name for region in memory.regions] == ["samples A", "ping", "pong"]
    assert memory.words == 576


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"lane_depth": 575},
            r"the lane memory needs 576 words \(64 of a sample, 256 and 256 of intermediate "
            r"values\) but holds 575: raise the engine's lane_depth to at least 576",
        ),
        (
            {"weight_depth": 751},
            "the weight bank needs 752 weights but holds 751: raise the engine's weight_depth to "
            "at least 752",
        ),
        ({"bias_depth": 73}, "bias bank needs 74 biases but holds 73: .* bias_depth to .* 74"),
        ({"stage_slots": 5}, "program memory needs 6 stages but holds 5: .* stage_slots to .* 6"),
        ({"result_depth": 9}, "result buffer needs 10 outputs but holds 9: .* result_depth .* 10"),
    ],
)
def test_networks_that_do_not_fit_name_memory_and_remedy(fields, message):
    with pytest.raises(UserError, match=message):
        plan(DIGITS, replace(ENGINE, **fields))


def test_networks_that_fit_no_engine_say_so():
    dense = Network((Layer(784, 256, Dense()), Layer(256, 10, Dense())))
    with pytest.raises(UserError, match="no engine's weight_depth exceeds 65535"):
        plan(dense, LARGE_ENGINE)
    wide = Network((Layer(65000, 1, Dense(), bias=False), Layer(1, 1000, Dense(), bias=True)))
    engine = replace(LARGE_ENGINE, lane_depth=65535, weight_depth=65535, result_depth=1000)
    with pytest.raises(UserError, match="no engine's weight_depth exceeds 65535"):
        plan(wide, engine)


def test_weights_and_biases_share_an_address_of_16_bits():
    network = Network((Layer(2000, 32, Dense(), bias=True), Layer(32, 1600, Dense(), bias=False)))
    assert network.parameter_count > 65535
    engine = replace(LARGE_ENGINE, weight_depth=65535, result_depth=1600)
    with pytest.raises(UserError, match="weight_depth exceeds 65535"):
        plan(network, engine)
    network = Network((Layer(65530, 1, Dense(), bias=True), Layer(1, 3, Dense(), bias=True)))
    engine = replace(LARGE_ENGINE, weight_depth=65535, lane_depth=65535)
    with pytest.raises(UserError, match="a network may have 65535 parameters, not 65537"):
        plan(network, engine)


@given(networks())
def test_plans_of_random_networks_pass_every_check(network):
    engine = TABLE_ENGINE
    planned = plan(network, engine)
    program = planned.program
    used = footprint(program.stages, check_program(program, engine))
    assert used.reads.size == 0
    assert used.results == network.outputs
    assert planned.macs == sum(layer.macs for layer in planned.layers)
    assert program.output_frac_bits == planned.stages[-1].output_frac_bits
    weights = [stage.weight_base for stage in planned.stages]
    assert weights == sorted(weights)
    limit = engine.max_bias_shift
    assert all(0 <= stage.input_frac_bits <= limit for stage in planned.stages[1:])


@given(networks())
def test_uncalibrated_stages_keep_the_samples_format(network):
    stages = plan(network, TABLE_ENGINE).stages
    for stage in stages:
        if stage.activation in ("sine", "tanh"):
            assert stage.output_frac_bits == 14
            assert stage.input_frac_bits + 14 - stage.shift == TABLE_ENGINE.table_frac_bits
        else:
            assert stage.output_frac_bits == (26 if stage.last else 13)


@pytest.mark.parametrize("function", [Activation.SINE, Activation.TANH])
def test_arguments_of_a_function_have_the_tables_format(function):
    layers = (Layer(8, 8, Dense(), True, function), Layer(8, 8, Dense(), False, function))
    engine = replace(ENGINE, table_units=1, table_frac_bits=11)
    planned = plan(Network(layers), engine)
    assert planned.shifts == (13 + 14 - 11, 14 + 14 - 11)
    assert [stage.output_frac_bits for stage in planned.stages] == [14, 14]
    assert planned.program.output_frac_bits == 14
    assert planned.program.stages[0].activation == function
    with pytest.raises(UserError, match=r"^the shift of stage 1 must be 17, not 16$"):
        plan(Network(layers), engine, [16, 16])


def test_an_engine_without_table_units_refuses_sine():
    network = Network((Layer(8, 8, Dense(), False, Activation.SINE),))
    sentence = (
        "the network has a layer of sine, which the engine lacks: set the engine's table_units "
        "to at least 1"
    )
    with pytest.raises(UserError, match=f"^{sentence}$"):
        plan(network, ENGINE)


def test_sums_coarser_than_the_tables_arguments_are_refused():
    network = Network((Layer(8, 8, Dense(), False, Activation.SINE),))
    engine = replace(ENGINE, activation=Format(16, 2), weight=Format(8, 6), table_units=1)
    sentence = (
        "sums of 8 fractional bits need a shift of -4 to be an argument of sine, but it must be 0 "
        "to 34: set the engine's table_frac_bits to 0 to 8"
    )
    with pytest.raises(UserError, match=f"^{sentence}$"):
        plan(network, engine)


def test_shifts_become_fractional_bits():
    planned = plan(DIGITS, ENGINE, [14, 15, 14, None, 13, 2])
    assert [stage.output_frac_bits for stage in planned.stages] == [13, 12, 12, 13, 14, 26]
    assert planned.shifts == (14, 15, 14, 13, 13, 2)
    assert [stage.bias_shift for stage in planned.stages] == [0, 0, 12, 0, 0, 14]


@pytest.mark.parametrize(
    ("shifts", "message"),
    [
        ([14] * 5, "6 stages need as many shifts, not 5"),
        ([10, 14, 14, 14, 14, 2], "the shift of stage 0 must be 11 to 27, not 10"),
        ([14, 28, 14, 14, 14, 2], "the shift of stage 1 must be 11 to 27, not 28"),
        ([14, 14, 14, 14, 14, -1], "the shift of stage 5 must be 0 to 27, not -1"),
    ],
)
def test_shifts_out_of_range_are_errors(shifts, message):
    with pytest.raises(UserError, match=message):
        plan(DIGITS, ENGINE, shifts)


def test_weights_too_fine_for_the_engine_are_an_error():
    engine = replace(ENGINE, weight=Format(16, 60))
    with pytest.raises(UserError, match="give the weights at most 42 fractional bits"):
        plan(DIGITS, engine)
    plan(DIGITS, replace(engine, weight=Format(16, 42)))


def test_samples_too_fine_for_a_bias_are_an_error():
    engine = replace(ENGINE, activation=Format(16, 17))
    with pytest.raises(UserError, match="which can be shifted by at most 16"):
        plan(Network((Layer(4, 4, Dense(), bias=True),)), engine)
    plan(Network((Layer(4, 4, Dense()),)), engine)


def test_default_results_keep_room_and_precision():
    assert shift_range(13, ENGINE, last=True) == (0, 27, 1)
    fine = replace(ENGINE, activation=Format(24, 20))
    assert shift_range(20, fine, last=True) == (0, 34, 9)


def test_the_json_form_has_what_programs_rely_on():
    document = json.loads(json.dumps(plan(DIGITS, ENGINE).to_json()))
    assert document["parameters"] == 826
    assert document["macs"] == 7840
    assert document["cycles"] == 7853
    first = document["layers"][0]
    assert (first["macs"], first["order"]) == (6144, "last core first")
    stage = first["stages"][0]
    assert [stage[key] for key in ("left", "J", "K", "right")] == [16, 16, 4, 1]
    assert stage["macs"] == 1024
    assert stage["wait_cycles"] == 0
    assert document["memory"]["words"] == 640


def test_a_plan_says_what_perturbing_costs():
    planned: Plan = plan(DIGITS, ENGINE)
    assert planned.perturbation_cycles(1) == 826
    assert planned.perturbation_cycles(8) == 6608
