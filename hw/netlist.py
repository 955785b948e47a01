"""Amaranth to Verilog that linters and other simulators accept."""

from __future__ import annotations

import itertools
import os
import re

from amaranth.back import verilog
from amaranth.lib import wiring

from tenzo.hw.memory import Target
from tenzo.sw.errors import UserError

#: Warnings that say nothing about a generated file; each with the reason that goes into the text.
_PRAGMAS = {
    "DECLFILENAME": "one file holds every module",
    "UNUSEDSIGNAL": "a record goes whole to a module that reads some of its fields",
    "CASEINCOMPLETE": "every case statement follows an assignment of the default",
}


def component_verilog(component: wiring.Component, name: str, target: Target | None = None) -> str:
    """Verilog of a component and all in it, clean under ``verilator --lint-only -Wall``.

    Two warnings remain, from Amaranth's expressions that widen or cut their operands: WIDTHEXPAND
    and WIDTHTRUNC. Those in :data:`_PRAGMAS` are switched off in the text.

    Parameters
    ----------
    component : wiring.Component
        Component; its signature gives the ports.
    name : str
        Name of the top module, and first part of the name of every other module.
    target : Target, optional
        What is known of the part it is for.

    Returns
    -------
    str
        The text, the same whenever the component is the same.

    Raises
    ------
    UserError
        If the Yosys that Amaranth calls fails; the variable ``YOSYS`` may name it.
    """
    try:
        text = verilog.convert(
            component, name=name, platform=target, emit_src=False, strip_internal_attrs=True
        )
    except verilog.YosysError as error:
        raise UserError(_yosys_failure(str(error))) from error
    pragmas = [f"/* verilator lint_off {rule} */  // {why}\n" for rule, why in _PRAGMAS.items()]
    return "".join(pragmas) + _fill_loops(_initial_statements(_without_empty(text)))


def _yosys_failure(said: str) -> str:
    """Return which Yosys writes no Verilog, what it said, and what to do."""
    named = os.environ.get("YOSYS")
    words = f": {' '.join(said.split())}" if said.strip() else ""
    if named is None:
        return f"Yosys writes no Verilog{words}; name another Yosys in the variable YOSYS"
    return f"YOSYS is set to {named!r}, which writes no Verilog{words}; unset it"


def _without_empty(text: str) -> str:
    """Drop declarations of signals without bits, which are ascending ranges and never used."""
    return re.sub(r"^  (wire|reg) \[-1:0\] [^\n]*;\n", "", text, flags=re.MULTILINE)


def _initial_statements(text: str) -> str:
    """Set registers' first values in statements: with the declaration it is a warning."""
    return re.sub(
        r"^( *)(reg (?:signed )?(?:\[[^]]*\] )?(\\\S+ |\w+)) = (.*);$",
        r"\1\2;\n\1initial \3 = \4;",
        text,
        flags=re.MULTILINE,
    )


def _fill_loops(text: str) -> str:
    """Fill a memory whose words are all equal in a loop, instead of in a statement for each."""
    labels = itertools.count()

    def loop(match: re.Match[str]) -> str:
        words = match["words"].splitlines()
        values = {word.split(" = ")[1] for word in words}
        if len(values) > 1 or len(words) < 2:
            return match[0]
        name, label = match["name"], f"fill_{next(labels)}"
        return (
            f"  initial begin : {label}\n"
            "    integer fill_word;\n"
            f"    for (fill_word = 0; fill_word < {len(words)}; fill_word = fill_word + 1)\n"
            f"      {name}[fill_word] = {values.pop()}\n"
            "  end\n"
        )

    return re.sub(
        r"^  initial begin\n"
        r"(?P<words>    (?P<name>\\\S+ |\w+)\[0\] = [^\n]*\n(?:    (?P=name)\[\d+\] = [^\n]*\n)*)"
        r"  end\n",
        loop,
        text,
        flags=re.MULTILINE,
    )
