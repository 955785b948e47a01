"""Pipeline constants of the engine: the planner counts with them, tests pin the gateware to them.

An output takes ``output_cycles`` issue slots: idle ones first if it has too few terms, then its
terms. So the last term is issued in the last slot, and two outputs finish at least
``requantizer_sharing`` cycles apart, also where one stage follows another.

A term is *issued* in cycle t when the sequencer presents its addresses. The lane memory's read port
sees the address in cycle ``t + ISSUE_TO_READ``. The output whose last term was issued in cycle t is
on the write port of the lane at position p of its group in cycle ``t + ISSUE_TO_WRITE + p``.
"""

from tenzo.sw.engine import EngineParameters

ISSUE_TO_READ = 1
"""Cycles from issue to the address on the lane memory's read port."""

ISSUE_TO_WRITE = 10
"""Cycles from the last term's issue to the write port, first lane of a group."""

PREFETCH_CYCLES = 20
"""Least cycles between the first issues of two consecutive stages: the next descriptor loads."""


def read_after_write(engine: EngineParameters) -> int:
    """Least cycles from the issue of an output's last term to the issue of a term that reads it."""
    return ISSUE_TO_WRITE + engine.requantizer_sharing - ISSUE_TO_READ


def drain_cycles(engine: EngineParameters) -> int:
    """Cycles from the last issue of a program, excluded, to its last write, included."""
    return ISSUE_TO_WRITE + engine.requantizer_sharing - 1


def output_cycles(engine: EngineParameters, terms: int) -> int:
    """Cycles from the first term of an output to the first term of the next one."""
    return max(terms, engine.requantizer_sharing)
