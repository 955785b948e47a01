"""Engine and single-stage programs that tests of the golden model share."""

from tenzo.sw.engine import EngineParameters
from tenzo.sw.program import Program, Stage

ENGINE = EngineParameters(lane_depth=65535, weight_depth=65535, result_depth=64)


def one_stage(stage: Stage, inputs: int, weights: int, biases: int = 0) -> Program:
    outputs = stage.output_count
    return Program((stage,), weights, biases, inputs, (0,), outputs, 0)


def dense_stage(inputs: int, outputs: int, **fields: object) -> Stage:
    return Stage(
        (1, 1, 1, 1, outputs, inputs),
        0,
        (0, 0, 0, 0, 0, 1),
        0,
        (0, 0, 0, 0, inputs, 1),
        0,
        (0, 0, 0, 0, 1),
        **{"shift": 0, "to_results": True, "sample_input": True} | fields,  # type: ignore[arg-type]
    )
