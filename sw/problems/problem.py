"""What a problem is: points, a loss from the network's derivatives, and the exact solution."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from tenzo.sw.numerics import FloatArray
from tenzo.sw.problems.field import Field


class Problem(ABC):
    """A differential equation that a network f is trained to solve.

    A subclass gives at least :attr:`inputs`, :meth:`losses` and :meth:`exact`; see
    ``docs/how-to-add-a-problem.md``. For runs that repeat bit for bit it takes exp, log, sine and
    sums from :mod:`tenzo.sw.numerics`.
    """

    inputs: int
    """Inputs of the network: the dimension of points."""

    sets: Mapping[str, float] = {"interior": 1.0}
    """Sets of points that a loss needs, and how many points each has, as a multiple of
    ``training.batch``; the first set is where the solution is tested."""

    differentiated: tuple[str, ...] = ("interior",)
    """Sets at whose points the loss takes derivatives."""

    picture: Mapping[int, str] = {}
    """One or two inputs along which a report draws the solution, and their labels; others are held
    at the middle. Unless given: both of two inputs, else the first."""

    laplacian_axes: tuple[int, ...] | None = None
    """Inputs of which the loss takes second derivatives; None if of all."""

    tolerated_noise: float = 0.05
    """Standard deviation of the Laplacian's error from rounding that training tolerates, in units
    of the network's output per squared unit of its inputs: a twentieth of what the equation's
    second derivatives, or the terms they are balanced with, are in the root mean square. ``tenzo
    plan`` warns beyond it."""

    def points(self, name: str, numbers: FloatArray) -> FloatArray:
        """Return points of a set, float64 of shape (count, inputs); the unit cube's by default.

        Parameters
        ----------
        name : :class:`str`
            One of :attr:`sets`.
        numbers : float64 array of shape (count, inputs)
            Independent, uniform from 0 to 1: the only source of randomness.
        """
        return numbers

    @abstractmethod
    def losses(self, fields: Mapping[str, Field]) -> FloatArray:
        """Return the loss of each query, float64 of shape (queries,).

        Parameters
        ----------
        fields : mapping of names of sets to :class:`Field`
        """

    def solution(self, points: FloatArray, value: FloatArray) -> FloatArray:
        """Return the solution u for outputs f of the network; f itself by default.

        Parameters
        ----------
        points : float64 array of shape (points, inputs)
        value : float64 array of shape (points,)
        """
        return value

    @abstractmethod
    def exact(self, points: FloatArray) -> FloatArray:
        """Return the exact solution, float64 of shape (points,), at points (points, inputs)."""
