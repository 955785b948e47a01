"""Pipeline constants of the engine: the planner counts with them, tests pin the gateware to them.

An output takes ``output_cycles`` issue slots: idle ones first if it has too few terms, then its
terms. So the last term is issued in the last slot, and two outputs finish at least
``requantizer_sharing`` cycles apart, also where one stage follows another.

A table unit serves Q groups (``table_rounds``), so an output of a stage with sine or tanh takes at
least S * Q slots, and its last lane is written S * Q cycles after the first one less one, all of
them ``TABLE_CYCLES`` later than without the table. A stage without one that follows waits until its
own writes come after these.

A term is *issued* in cycle t when the sequencer presents its addresses. The lane memory's read port
sees the address in cycle ``t + ISSUE_TO_READ``. The output whose last term was issued in cycle t is
on the write port of the lane at position p of its group in cycle ``t + ISSUE_TO_WRITE + p``.
"""

from tenzo.sw.engine import EngineParameters

ISSUE_TO_READ = 2
"""Cycles from issue to the address on the lane memory's read port."""

ISSUE_TO_WRITE = 12
"""Cycles from the last term's issue to the write port, first lane of a group."""

TABLE_CYCLES = 6
"""Cycles from a requantized value to its sine or tanh."""

PREFETCH_CYCLES = 20
"""Least cycles between the first issues of two consecutive stages: the next descriptor loads."""


def output_cycles(engine: EngineParameters, terms: int, table: bool = False) -> int:
    """Cycles from the first term of an output to the first term of the next one.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    terms : :class:`int`
        Terms of each sum.
    table : :class:`bool`
        Whether the stage ends with sine or tanh.
    """
    return max(terms, _write_cycles(engine, table))


def last_write(engine: EngineParameters, table: bool = False) -> int:
    """Cycles from the issue of an output's last term to the write of its last lane."""
    latency = ISSUE_TO_WRITE + (TABLE_CYCLES if table else 0)
    return latency + _write_cycles(engine, table) - 1


def read_after_write(engine: EngineParameters, table: bool = False) -> int:
    """Least cycles from the issue of an output's last term to the issue of a term that reads it."""
    return last_write(engine, table) + 1 - ISSUE_TO_READ


def finish_distance(engine: EngineParameters, before: bool, after: bool) -> int:
    """Least cycles between the issues of the last terms of two outputs, so that writes are apart.

    ``before`` and ``after`` say which of the two end with sine or tanh.
    """
    if before and not after:
        return last_write(engine, True) + 1 - ISSUE_TO_WRITE
    return _write_cycles(engine, before)


def drain_cycles(engine: EngineParameters) -> int:
    """Cycles from the last issue of a program, excluded, to its last write, included.

    An engine with table units always waits for them: a few cycles a query.
    """
    return last_write(engine, engine.table_units > 0)


def _write_cycles(engine: EngineParameters, table: bool) -> int:
    """Cycles in which the lanes of a group, or those of a table unit, are written."""
    return engine.requantizer_sharing * (engine.table_rounds if table else 1)
