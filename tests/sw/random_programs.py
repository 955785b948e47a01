"""Hypothesis strategies: small engines, and programs of arbitrary loop nests that fit them."""

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from tenzo.sw.device import Distribution, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.formats import Format
from tenzo.sw.planning.addressing import affine_bounds
from tenzo.sw.planning.schedule import with_waits
from tenzo.sw.program import ADDRESS_MODULUS, Program, Stage

IntArray = npt.NDArray[np.int64]
Draw = st.DrawFn

LANE_DEPTH = 4096
MOST_TERMS = 120


@dataclass(frozen=True)
class Case:
    """A program on an engine with everything that a query needs."""

    engine: EngineParameters
    program: Program
    parameters_raw: IntArray
    samples_raw: IntArray


@dataclass(frozen=True)
class Block:
    """Written words of a lane; those of samples have ``sample`` set."""

    base: int
    size: int
    sample: bool = False


@st.composite
def engines(draw: Draw, tables: bool = True) -> EngineParameters:
    activation = draw(st.integers(4, 24))
    weight = draw(st.integers(4, 18))
    segment_bits = draw(st.integers(1, min(12, activation - 1)))
    return EngineParameters(
        activation=Format(activation, draw(st.integers(0, activation))),
        weight=Format(weight, draw(st.integers(0, weight))),
        lane_count=draw(st.integers(1, 5)),
        requantizer_sharing=draw(st.sampled_from([1, 2, 3, 5, 8, 16])),
        lane_depth=LANE_DEPTH,
        weight_depth=64,
        bias_depth=64,
        stage_slots=8,
        result_depth=MOST_TERMS,
        table_units=draw(st.integers(0, 3)) if tables else 0,
        table_frac_bits=draw(st.integers(activation - segment_bits, activation)),
        table_segment_bits=segment_bits,
    )


def raw_values(draw: Draw, number: Format, shape: tuple[int, ...]) -> IntArray:
    """Draw raw integers: uniform, small, or extreme."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["uniform", "small", "extreme", "lowest"]))
    if kind == "lowest":
        return np.full(shape, number.min_raw, dtype=np.int64)
    if kind == "extreme":
        return rng.choice([number.min_raw, number.max_raw, 0, 1, -1], shape)
    top = number.max_raw if kind == "uniform" else min(7, number.max_raw)
    return rng.integers(-top - 1, top + 1, shape)


@st.composite
def cases(draw: Draw, tables: bool = True) -> Case:
    engine = draw(engines(tables))
    inputs, weights = draw(st.integers(1, 24)), draw(st.integers(1, 64))
    biases = draw(st.integers(0, 64))
    base_count = draw(st.integers(1, 2))
    blocks = [Block(0, inputs, sample=True)]
    free = base_count * inputs + draw(st.integers(0, 9))
    stages = []
    for index in range(count := draw(st.integers(1, 5))):
        last = index == count - 1
        stage, written = _stage(draw, engine, blocks, free, weights, biases, last)
        stages.append(stage)
        if not last and written not in blocks:
            blocks.append(written)
            free = written.base + written.size + draw(st.integers(0, 3))
    program = Program(
        with_waits(stages, engine),
        weights,
        biases,
        inputs,
        tuple(index * inputs for index in range(base_count)),
        stages[-1].output_count,
        draw(st.integers(0, 30)),
    )
    samples = draw(st.integers(1, 7))
    return Case(
        engine,
        program,
        raw_values(draw, engine.weight, (program.parameter_count,)),
        raw_values(draw, engine.activation, (samples, inputs)),
    )


@st.composite
def queries(draw: Draw, case: Case) -> Query:
    """A query of the whole program."""
    distribution = draw(st.sampled_from(list(Distribution)))
    one_bit = distribution in (Distribution.RADEMACHER, Distribution.ONE_HOT)
    bits = 1 if one_bit else draw(st.integers(1, 8))
    one_hot = int(distribution == Distribution.ONE_HOT)
    first = draw(st.integers(0, case.program.parameter_count - one_hot))
    return Query(
        sign=draw(st.sampled_from([-1, 0, 1])),
        seed=draw(st.integers(1, 2**32 - 1)),
        epsilon_raw=draw(st.integers(1, case.engine.weight.max_raw)),
        distribution=distribution,
        bits=bits,
        first=first,
        last=first + 1 if one_hot else draw(st.integers(first, case.program.parameter_count)),
    )


def _stage(
    draw: Draw,
    engine: EngineParameters,
    blocks: list[Block],
    free: int,
    weights: int,
    biases: int,
    last: bool,
) -> tuple[Stage, Block]:
    """Draw one stage and return it with the block that it writes to."""
    counts = _counts(draw)
    source = draw(st.sampled_from(blocks))
    input_base, input_strides = _nest(draw, counts, source.base, source.size)
    weight_base, weight_strides = _nest(draw, counts, 0, weights)
    outer = counts[:5]
    use_bias = biases > 0 and draw(st.booleans())
    bias_base, bias_strides = _nest(draw, outer, 0, biases) if use_bias else (0, (0,) * 5)
    target, output_base, output_strides = _outputs(draw, outer, source, blocks, free, last)
    stage = Stage(
        counts,
        input_base,
        input_strides,  # type: ignore[arg-type]
        weight_base,
        weight_strides,  # type: ignore[arg-type]
        output_base,
        output_strides,  # type: ignore[arg-type]
        shift=draw(st.integers(0, engine.max_shift) | st.integers(0, engine.weight.width)),
        bias_base=bias_base,
        bias_strides=bias_strides,  # type: ignore[arg-type]
        bias_shift=draw(st.integers(0, engine.max_bias_shift)),
        activation=draw(st.sampled_from(engine.activations)),
        use_bias=use_bias,
        unit_weight=draw(st.integers(0, 7)) == 0,
        to_results=last,
        sample_input=source.sample,
    )
    return stage, target


def _counts(draw: Draw) -> tuple[int, int, int, int, int, int]:
    """Draw loop counts whose product stays small."""
    counts = [draw(st.sampled_from([1, 1, 2, 3, 5])) for _ in range(5)]
    counts.append(draw(st.sampled_from([1, 2, 3, 4, 7, 20])))
    for index in range(6):
        if prod(counts) > MOST_TERMS:
            counts[index] = 1
    return tuple(counts)  # type: ignore[return-value]


def _nest(draw: Draw, counts: tuple[int, ...], base: int, size: int) -> tuple[int, tuple[int, ...]]:
    """Draw base and strides of a nest inside ``size`` words from ``base``."""
    strides = [draw(st.integers(-3, 6)) for _ in counts]
    if draw(st.booleans()):  # natural order of the innermost three, as planned programs have it
        strides[-3:] = [1, 0, counts[-3]][: len(strides[-3:])]
    for index in range(len(counts)):
        low, high = affine_bounds(counts, 0, strides)
        if high - low >= size:
            strides[index] = 0
    low, high = affine_bounds(counts, 0, strides)
    start = base - low + draw(st.integers(0, size - 1 - (high - low)))
    return start, _wrapped(draw, strides)


def _outputs(
    draw: Draw,
    counts: tuple[int, ...],
    source: Block,
    blocks: list[Block],
    free: int,
    last: bool,
) -> tuple[Block, int, tuple[int, ...]]:
    """Draw where a stage writes: results, a new block, or a slice of an old one."""
    total = prod(counts)
    olds = [b for b in blocks if b != source and not b.sample and b.size >= total]
    target = Block(0 if last else free, total)
    if olds and not last and draw(st.booleans()):
        target = olds[draw(st.integers(0, len(olds) - 1))]
    gap = draw(st.integers(1, target.size // total))
    strides, step = [0] * 5, gap
    for axis in draw(st.permutations(range(5))):
        strides[axis] = step if draw(st.integers(0, 4)) else -step
        step *= counts[axis]
    low, high = affine_bounds(counts, 0, strides)
    start = target.base - low + draw(st.integers(0, target.size - 1 - (high - low)))
    return target, start, _wrapped(draw, strides)


def _wrapped(draw: Draw, strides: list[int]) -> tuple[int, ...]:
    """Write negative strides modulo 2^16, or not: both mean the same."""
    if draw(st.booleans()):
        return tuple(stride % ADDRESS_MODULUS for stride in strides)
    return tuple(strides)
