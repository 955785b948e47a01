"""Faults for generated Verilog: what a lockstep must catch.

A fault is an edit of the text, made where the construct is found exactly once and looks exactly as
expected; otherwise the edit is an error, never a silent miss.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.program import Program


class InjectionError(RuntimeError):
    """The Verilog has changed: the construct to edit is not there, or more than once."""


def inject(verilog: str, kind: str, engine: EngineParameters, program: Program) -> str:
    """Return Verilog with a fault.

    Parameters
    ----------
    verilog : :class:`str`
        Text from :func:`tenzo.hw.verilog.engine_verilog`.
    kind : :class:`str`
        ``weight-bit``: one weight is stored with one bit flipped; ``lfsr-tap``: one tap of the
        perturbation's register is missing; ``shift``: the requantizer of the first lanes shifts by
        one bit more or less; ``saturate``: it wraps around instead; ``table``: the first table unit
        reads every segment's first value with its lowest bit flipped.
    engine : :class:`EngineParameters`
    program : :class:`Program`
        Says which weights are in use.

    Raises
    ------
    UserError
        If there is no such kind, or the engine lacks what it damages.
    InjectionError
        If the construct is not found exactly once.
    """
    if kind not in _FAULTS:
        raise UserError(f"--inject must be one of {', '.join(_FAULTS)}, not {kind!r}")
    return _FAULTS[kind](verilog, engine, program)


def _weight_bit(verilog: str, engine: EngineParameters, program: Program) -> str:
    """Flip a high bit of the weight in the middle of those in use, as the host writes it."""
    address, bit = program.weight_count // 2, engine.weight.width - 3
    return _edit(
        verilog,
        r"\.banks\.weight_master",
        r"(words\[)([^;\n]*)(\] <= )([^;\n]*);",
        rf"\1\2\3\4 ^ ((\2 == {address}) ? {engine.weight.width}'d{1 << bit} : 0);",
    )


def _lfsr_tap(verilog: str, engine: EngineParameters, program: Program) -> str:
    """Drop the lowest tap of the perturbation's register."""
    width, taps = engine.lfsr.width, engine.lfsr.taps
    number = rf"{width}'(?:d{taps}|h0*{taps:x})"
    fewer = taps & (taps - 1) or taps | 1
    return _edit(
        verilog,
        r"\.perturbation\.lfsr",
        rf"(state\[0\] \? ){number}( : )",
        rf"\g<1>{width}'d{fewer}\2",
    )


def _shift(verilog: str, engine: EngineParameters, program: Program) -> str:
    """Flip the lowest bit of the shift in the first requantizer."""
    return _edit(verilog, _REQUANTIZER, r"(low_shift <= [^;\n]*\[2:0\])(;)", r"\1 ^ 3'd1\2")


def _saturate(verilog: str, engine: EngineParameters, program: Program) -> str:
    """Let the first requantizer wrap around; it still counts."""
    return _edit(verilog, _REQUANTIZER, r"(= )leaves( \? limit : kept;)", r"\g<1>1'b0\2")


def _table(verilog: str, engine: EngineParameters, program: Program) -> str:
    """Flip the lowest bit of what the first table unit reads."""
    if not engine.table_units:
        raise UserError(
            "--inject table damages sine and tanh, but this engine has no table units: choose "
            "another fault, or a network with one of the two"
        )
    return _edit(verilog, r"\.cluster_0\.tables", r"(word_0 <= )([^;]*);", r"\1\2 ^ 1;")


_REQUANTIZER = r"\.cluster_0\.group_0\.requantize"

_FAULTS: dict[str, Callable[[str, EngineParameters, Program], str]] = {
    "weight-bit": _weight_bit,
    "lfsr-tap": _lfsr_tap,
    "shift": _shift,
    "saturate": _saturate,
    "table": _table,
}

FAULTS = tuple(_FAULTS)
"""Kinds of faults."""


def _edit(verilog: str, module: str, construct: str, replacement: str) -> str:
    """Replace a construct in the module whose name ends as given."""
    modules = list(
        re.finditer(rf"^module \\\S*{module} \(.*?^endmodule$", verilog, re.MULTILINE | re.DOTALL)
    )
    if len(modules) != 1:
        raise InjectionError(f"{len(modules)} modules are named like {module!r}, not 1")
    body = re.sub(r" \(\* src = \"[^\"]*\" \*\)", "", modules[0].group())
    changed, count = re.subn(construct, replacement, body)
    if count != 1:
        raise InjectionError(f"{count} places in {module!r} match {construct!r}, not 1")
    return verilog[: modules[0].start()] + changed + verilog[modules[0].end() :]
