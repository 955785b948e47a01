"""What a training loop talks to, whatever computes behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.program import Program


class Distribution(IntEnum):
    """Distribution of the perturbation; the value is the code in a query packet."""

    RADEMACHER = 0
    UNIFORM = 1
    BINOMIAL = 2
    ONE_HOT = 3


@dataclass(frozen=True)
class Query:
    """One evaluation: perturbed parameters and the part of the program to run.

    Parameter i inside ``[first, last)`` becomes ``sat(w_i + sign * epsilon_raw * u_i)``; bits are
    drawn only inside that range, in address order. One-hot draws none: the range is one address,
    and u is 1 there, so ``sign * epsilon_raw`` is its step.

    Parameters
    ----------
    sign : :class:`int`
        +1, -1, or 0 for the unperturbed parameters.
    seed : :class:`int`
        Seed of the LFSR stream, never zero.
    epsilon_raw : :class:`int`
        Perturbation scale in raw weight units, 1 to the largest weight; any for sign 0.
    distribution : :class:`Distribution`
    bits : :class:`int`
        Random bits per parameter, 1 to ``max_bits``; 1 for Rademacher and one-hot.
    first, last : :class:`int`
        Range of perturbed parameter addresses; ``last = None`` means all. ``last = first + 1`` for
        one-hot, see :meth:`one_hot`.
    entry, stop : :class:`int`
        First stage to run and the one after the last; ``stop = None`` means all.
    """

    sign: int = 0
    seed: int = 1
    epsilon_raw: int = 0
    distribution: Distribution = Distribution.RADEMACHER
    bits: int = 1
    first: int = 0
    last: int | None = None
    entry: int = 0
    stop: int | None = None

    def __post_init__(self) -> None:
        if self.sign not in (-1, 0, 1):
            raise UserError(f"query sign must be -1, 0 or +1, not {self.sign!r}")
        if self.seed == 0:
            raise UserError("query seed must not be 0: an all-zero register never changes")
        if self.sign and self.epsilon_raw < 1:
            raise UserError(f"query epsilon_raw must be at least 1, not {self.epsilon_raw!r}")
        if self.distribution == Distribution.RADEMACHER and self.bits != 1:
            raise UserError(f"Rademacher draws 1 bit per parameter, not {self.bits!r}")
        if self.distribution == Distribution.ONE_HOT:
            if self.bits != 1:
                raise UserError(f"one-hot query bits must be 1, not {self.bits!r}")
            if self.last != self.first + 1:
                raise UserError(
                    f"a one-hot query perturbs one parameter: last must be {self.first + 1}, "
                    f"first + 1, not {self.last!r}"
                )

    @classmethod
    def one_hot(
        cls, address: int, step_raw: int, entry: int = 0, stop: int | None = None
    ) -> "Query":
        """Return the query that adds a signed step to the parameter at one address.

        Parameters
        ----------
        address : :class:`int`
            Parameter: weights, then biases.
        step_raw : :class:`int`
            Step in raw weight units, not 0; the sum saturates.
        entry, stop : :class:`int`
            Stages to run.
        """
        sign = 1 if step_raw > 0 else -1
        kind = Distribution.ONE_HOT
        return cls(sign, 1, abs(step_raw), kind, 1, address, address + 1, entry, stop)

    def resolve(self, program: Program) -> tuple[int, int, int, int]:
        """Return ``(first, last, entry, stop)`` with the defaults filled in from the program."""
        last = program.parameter_count if self.last is None else self.last
        stop = len(program.stages) if self.stop is None else self.stop
        if not 0 <= self.first <= last <= program.parameter_count:
            raise UserError(f"query range {self.first}..{last} must lie in the parameters")
        if not 0 <= self.entry < stop <= len(program.stages):
            raise UserError(f"query stages {self.entry}..{stop} must lie in the program")
        return self.first, last, self.entry, stop


class Outputs(NamedTuple):
    """Results of one query on consecutive samples.

    ``outputs_raw`` is an integer-valued array of shape (stop_sample - first_sample, outputs),
    int64, with the program's ``output_frac_bits``; a query whose stages write no result has no
    outputs. A device in floating point returns float64 in the same unit, unrounded.
    """

    query: int
    first_sample: int
    outputs_raw: npt.NDArray[np.int64]


class CoordinateOutputs(NamedTuple):
    """Results for consecutive coordinates, each a parameter changed alone.

    ``outputs_raw`` is int64 of shape (coordinates, samples, outputs); ``first`` is the index of its
    first coordinate.
    """

    first: int
    outputs_raw: npt.NDArray[np.int64]


class CoordinateLosses(NamedTuple):
    """The same, but ``losses``, float64 of shape (coordinates, samples)."""

    first: int
    losses: npt.NDArray[np.float64]


@dataclass
class Counters:
    """What an engine counted since the last clear.

    ``saturations[stage]`` counts requantized values that saturated, on active lanes;
    ``weight_saturations`` perturbed weights that did, once per query and wave. ``run_cycles`` and
    ``mac_cycles`` are equal on every device; the three waits are zero on the golden model.
    """

    run_cycles: int
    mac_cycles: int
    queries: int
    weight_saturations: int
    saturations: npt.NDArray[np.int64]
    perturb_wait_cycles: int = 0
    load_wait_cycles: int = 0
    link_stall_cycles: int = 0

    @classmethod
    def none(cls, stages: int) -> "Counters":
        """Return zeros."""
        return cls(0, 0, 0, 0, np.zeros(stages, np.int64))

    def plus(self, other: "Counters") -> "Counters":
        """Return the sums."""
        return Counters(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def minus(self, other: "Counters") -> "Counters":
        """Return the differences."""
        return Counters(
            **{f.name: getattr(self, f.name) - getattr(other, f.name) for f in fields(self)}
        )

    def stopped(self, limit: int, stages: int) -> "Counters":
        """Return counts that stop at a limit, and the saturations of the first stages."""
        values = {
            f.name: min(getattr(self, f.name), limit)
            for f in fields(self)
            if f.name != "saturations"
        }
        return Counters(saturations=np.minimum(self.saturations[:stages], limit), **values)


class Device(Protocol):
    """Evaluates queries; all devices return the same integers, but the one in floating point."""

    engine: EngineParameters

    @property
    def name(self) -> str:
        """Name as written in a summary, for example ``golden``."""
        ...

    def load_program(self, program: Program) -> None:
        """Load a stage program; weights and samples must be written afterwards."""
        ...

    def write_parameters(self, parameters_raw: npt.NDArray[np.int64]) -> None:
        """Write the master weights, then biases: raw integers of shape (parameter_count,)."""
        ...

    def evaluate(
        self, samples_raw: npt.NDArray[np.int64], queries: Sequence[Query]
    ) -> Iterator[Outputs]:
        """Run all queries on samples of shape (samples, inputs), raw activations.

        Samples are cut into waves of up to ``lane_count``; waves outer, queries inner. A device may
        return several waves of a query in one item.
        """
        ...

    def read_counters(self) -> Counters:
        """Return the counters."""
        ...

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        ...

    def close(self) -> None:
        """Release what the device holds."""
        ...


def loaded(program: Program | None) -> Program:
    """Return the program that a device holds; :class:`UserError` if it holds none."""
    if program is None:
        raise UserError("no program is loaded: call load_program first")
    return program
