from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, fifo, memory, wiring
from amaranth.lib.wiring import In, Out

from tenzo.hw.netlist import component_verilog
from tenzo.sim.verilator import lint
from tenzo.sw.errors import UserError

PAIR = data.StructLayout({"left": 4, "right": 4})


class Sum(wiring.Component):
    """Adds the record's left field; reads nothing of the right one."""

    record: Any
    total: Any

    def __init__(self) -> None:
        super().__init__({"record": In(PAIR), "total": Out(signed(12), init=-5)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.sync += self.total.eq(self.total + self.record.left)
        return m


class Sample(wiring.Component):
    """A bit of everything that makes a linter complain about generated text."""

    i: Any
    o: Any
    state: Any
    word: Any
    digit: Any

    def __init__(self) -> None:
        outputs = {"o": Out(signed(12)), "state": Out(2), "word": Out(8), "digit": Out(4)}
        super().__init__({"i": In(PAIR), **outputs})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.sum = total = Sum()
        m.submodules.words = words = memory.Memory(shape=8, depth=16, init=[1, 2, 3])
        read = words.read_port()
        write = words.write_port()
        odd = Signal(init=1)
        m.d.comb += [
            total.record.eq(self.i),
            self.o.eq(total.total),
            read.addr.eq(self.i.left),
            write.addr.eq(self.i.right),
            write.data.eq(self.word + 1),
            write.en.eq(odd),
            self.word.eq(read.data),
        ]
        m.d.sync += odd.eq(~odd)
        m.submodules.queue = queue = fifo.SyncFIFO(width=4, depth=1)
        m.d.comb += [queue.w_data.eq(self.i.left), queue.w_en.eq(odd), queue.r_en.eq(odd)]
        m.submodules.zeros = zeros = memory.Memory(shape=4, depth=300, init=[])
        look, put = zeros.read_port(), zeros.write_port()
        m.d.comb += [look.addr.eq(self.i), put.addr.eq(self.i), put.data.eq(self.i), put.en.eq(odd)]
        m.d.comb += self.digit.eq(look.data)
        with m.FSM():
            for number, following in ((1, "B"), (2, "C"), (3, "A")):
                with m.State("ABC"[number - 1]):
                    m.d.comb += self.state.eq(number)
                    with m.Switch(self.i.left):
                        with m.Case(1, 2):
                            m.next = following
        return m


def test_verilog_is_clean() -> None:
    assert lint(component_verilog(Sample(), "sample"), "sample") == []


def test_signals_without_bits_are_not_declared() -> None:
    assert "[-1:0]" not in component_verilog(Sample(), "sample")


def test_module_bears_the_given_name() -> None:
    text = component_verilog(Sample(), "sample")
    assert "\nmodule sample(" in text
    assert "\nmodule \\sample.sum (" in text


def test_registers_keep_their_first_values() -> None:
    text = component_verilog(Sample(), "sample")
    assert "reg write__en;\n  initial write__en = 1'h1;" in text
    assert "initial total = 12'hffb;" in text


def test_memory_of_equal_words_is_filled_by_a_loop() -> None:
    text = component_verilog(Sample(), "sample")
    assert "fill_word < 300;" in text
    assert "zeros[fill_word] = 4'h0;" in text
    assert "zeros[17]" not in text


def test_memory_of_different_words_keeps_them() -> None:
    text = component_verilog(Sample(), "sample")
    assert all(f"words[{address}] = 8'h0{address + 1};" in text for address in range(3))


def test_text_is_the_same_every_time() -> None:
    assert component_verilog(Sample(), "sample") == component_verilog(Sample(), "sample")


def test_text_holds_no_notes_about_its_making() -> None:
    text = component_verilog(Sample(), "sample")
    assert __file__ not in text
    assert "src =" not in text
    assert "generator" not in text


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (b"exit 1", r"^YOSYS is set to '/.*/yosys', which writes no Verilog; unset it$"),
        (b"echo a >&2; echo b >&2; exit 1", r", which writes no Verilog: a b; unset it$"),
    ],
)
def test_failing_yosys_is_a_sentence_that_names_the_variable(
    program: bytes, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "yosys"
    path.write_bytes(b"#!/bin/sh\n" + program)
    path.chmod(0o755)
    monkeypatch.setenv("YOSYS", str(path))
    with pytest.raises(UserError, match=sentence):
        component_verilog(Sample(), "sample")


def test_failure_of_another_yosys_tells_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YOSYS", raising=False)
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "none")
    with pytest.raises(UserError, match=r"writes no Verilog: .*name another Yosys in .* YOSYS$"):
        component_verilog(Sample(), "sample")


@pytest.mark.parametrize("generation", ["-g2005-sv", "-g2012"])
def test_icarus_accepts_it(
    generation: str, tmp_path: Path, require_tool: Callable[[str], str]
) -> None:
    iverilog = require_tool("iverilog")
    source = tmp_path / "sample.v"
    source.write_text(component_verilog(Sample(), "sample"))
    result = subprocess.run(
        [iverilog, generation, "-Wall", "-o", str(tmp_path / "sample"), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
