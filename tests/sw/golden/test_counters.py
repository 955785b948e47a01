"""What the golden device refuses, counts and keeps."""

from dataclasses import replace

import numpy as np
import pytest

from tenzo.sw.device import Query
from tenzo.sw.errors import UserError
from tenzo.sw.golden.device import COUNTER_MAX, GoldenDevice
from tenzo.sw.planning.schedule import program_cycles, program_macs, with_waits
from tenzo.sw.program import Program
from tests.sw.golden_programs import ENGINE, dense_stage


def two_stages() -> Program:
    first = dense_stage(3, 3, to_results=False, shift=2)
    first = replace(first, output_base=3)
    second = replace(dense_stage(3, 2, sample_input=False, shift=1), input_base=3, weight_base=9)
    return Program(with_waits([first, second], ENGINE), 15, 0, 3, (0,), 2, 0)


def loaded() -> GoldenDevice:
    device = GoldenDevice(ENGINE)
    device.load_program(two_stages())
    device.write_parameters(np.arange(15))
    return device


SAMPLES = np.arange(6).reshape(2, 3)


def test_reading_words_that_nobody_wrote_is_an_error():
    with pytest.raises(UserError, match=r"stages 1\.\.2 read lane word 3, which nothing before"):
        loaded().evaluate(SAMPLES, [Query(entry=1)])


def test_an_earlier_query_must_have_written_the_word_that_is_read():
    first, last = two_stages().stages
    middle = replace(dense_stage(3, 3, to_results=False, sample_input=False), input_base=3)
    stages = [first, replace(middle, output_base=6), replace(last, input_base=6)]
    device = GoldenDevice(ENGINE)
    device.load_program(two_stages().with_stages(with_waits(stages, ENGINE)))
    device.write_parameters(np.arange(15))
    list(device.evaluate(SAMPLES, [Query(stop=1), Query(entry=1)]))
    with pytest.raises(UserError, match=r"stages 2\.\.3 read lane word 6"):
        device.evaluate(SAMPLES, [Query(stop=1), Query(entry=2)])


def test_writing_a_part_of_the_results_is_an_error():
    stages = list(two_stages().stages)
    stages[1] = replace(stages[1], counts=(1, 1, 1, 1, 1, 3))
    device = GoldenDevice(ENGINE)
    device.load_program(replace(two_stages(), stages=tuple(stages)))
    device.write_parameters(np.arange(15))
    with pytest.raises(UserError, match=r"stages 0\.\.2 write 1 of 2 results"):
        device.evaluate(SAMPLES, [Query()])


def test_a_range_without_results_has_no_outputs():
    items = list(loaded().evaluate(SAMPLES, [Query(), Query(stop=1)]))
    assert [item.outputs_raw.shape for item in items] == [(2, 2), (2, 0)]


def test_counters_of_a_range_are_those_of_its_stages():
    device = loaded()
    list(device.evaluate(SAMPLES, [Query(stop=1)]))
    counters = device.read_counters()
    assert counters.run_cycles == program_cycles(two_stages(), ENGINE, 0, 1)
    assert counters.mac_cycles == program_macs(two_stages(), 0, 1) == 9


def test_counters_stick_at_their_maximum_and_clear():
    device = loaded()
    device._counts = [COUNTER_MAX + 5] * 4
    device._saturations[0] = COUNTER_MAX + 1
    counters = device.read_counters()
    assert counters.run_cycles == counters.weight_saturations == COUNTER_MAX
    assert counters.saturations.tolist() == [COUNTER_MAX, 0]
    device.clear_counters()
    assert device.read_counters().run_cycles == 0


def test_evaluate_before_anything_is_loaded_is_an_error():
    device = GoldenDevice(ENGINE)
    with pytest.raises(UserError, match="no program is loaded"):
        device.evaluate(SAMPLES, [Query()])
    device.load_program(two_stages())
    with pytest.raises(UserError, match="no parameters are written"):
        device.evaluate(SAMPLES, [Query()])


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 4), dtype=np.int64), r"samples must have shape \(2, 3\), not \(2, 4\)"),
        (np.full((1, 3), 40000), "samples must be -32768 to 32767"),
    ],
)
def test_wrong_samples_are_errors(samples, message):
    with pytest.raises(UserError, match=message):
        loaded().evaluate(samples, [Query()])


def test_parameters_that_overflow_their_format_are_an_error():
    with pytest.raises(UserError, match=r"parameters must be -32768 to 32767 .* not 0 to 32768"):
        loaded().write_parameters(np.array([32768] + [0] * 14))


def test_no_sample_gives_no_output():
    assert list(loaded().evaluate(SAMPLES[:0], [Query()])) == []


def test_outputs_survive_the_next_evaluation():
    device = loaded()
    (before,) = device.evaluate(SAMPLES, [Query()])
    kept = before.outputs_raw.copy()
    list(device.evaluate(SAMPLES + 1, [Query()]))
    assert before.outputs_raw.tolist() == kept.tolist()
