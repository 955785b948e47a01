"""Programs that keep what every stage writes, so that a later evaluation may start anywhere."""

from __future__ import annotations

from dataclasses import replace

from tenzo.sw.errors import UserError
from tenzo.sw.planning.addressing import address_set
from tenzo.sw.program import ADDRESS_MODULUS, Program, Stage


def keep_all(program: Program) -> Program:
    """Return the same program with outputs of every stage in words of their own.

    Samples have one region, the first of the program's.

    Raises
    ------
    UserError
        If they take more than 65,536 words.
    """
    stages: list[Stage] = []
    moved = 0
    bases = program.sample_bases[:1]
    free = bases[0] + program.input_count
    for stage in program.stages:
        outputs = address_set(stage.counts[:5], stage.output_base, stage.output_strides)
        shift = 0 if stage.to_results else free - int(outputs[0])
        stages.append(
            replace(
                stage,
                input_base=stage.input_base + (0 if stage.sample_input else moved),
                output_base=stage.output_base + shift,
            )
        )
        moved = shift
        free += 0 if stage.to_results else len(outputs)
    if free > ADDRESS_MODULUS:
        raise UserError(
            f"the inputs of all stages take {free} words, more than {ADDRESS_MODULUS}: choose a "
            "smaller network, or estimate without structured evaluation"
        )
    return replace(program, stages=tuple(stages), sample_bases=bases)
