"""Builds a small counter with Verilator and drives it from Python."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tenzo.sim.compile import Compilation
from tenzo.sim.verilator import Build, BuildError, SimulationError, build_cocotb, lint, run_cocotb
from tenzo.sw.errors import UserError
from tenzo.sw.tools import find_verilator

COUNTER = """\
/* verilator lint_off DECLFILENAME */
module counter(input clk, input rst, input enable, output [15:0] count);
  wire [15:0] value;
  register inner(.clk(clk), .rst(rst), .enable(enable), .value(value));
  assign count = value;
endmodule

module register(input clk, input rst, input enable, output reg [15:0] value);
  initial value = 0;
  always @(posedge clk) value <= rst ? 0 : value + enable;  // WIDTHEXPAND
endmodule
"""
BENCH = "tests.sim.counter_bench"


@pytest.fixture(scope="module")
def counter() -> Build:
    return build_cocotb(COUNTER, "counter")


@pytest.mark.slow
@pytest.mark.parametrize(
    "testcase",
    [
        "only_the_ports_are_visible",
        "a_blocking_loop_drives_the_simulation",
        "errors_cross_the_bridge_both_ways",
    ],
)
def test_simulation_passes(counter: Build, tmp_path: Path, testcase: str) -> None:
    lines: list[str] = []
    run_cocotb(counter, BENCH, testcase=testcase, results_dir=tmp_path, on_line=lines.append)
    assert any("PASS=1 FAIL=0" in line for line in lines)
    assert "PASS=1" in (tmp_path / "simulation.log").read_text()


@pytest.mark.slow
def test_failure_is_raised_with_its_message(counter: Build, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="fails_on_request: the counter was asked for 7"):
        run_cocotb(
            counter,
            BENCH,
            testcase="fails_on_request",
            env={"TENZO_TEST_COUNT": "7"},
            results_dir=tmp_path,
        )


@pytest.mark.slow
def test_running_no_test_is_a_failure(counter: Build, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="no test ran"):
        run_cocotb(counter, BENCH, testcase="no_such_test", results_dir=tmp_path)


@pytest.mark.slow
def test_missing_module_is_a_failure(counter: Build, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="No module named 'no_such_bench'"):
        run_cocotb(counter, "no_such_bench", results_dir=tmp_path)


@pytest.mark.slow
def test_results_of_an_earlier_run_are_not_read_again(counter: Build, tmp_path: Path) -> None:
    run_cocotb(counter, BENCH, testcase="only_the_ports_are_visible", results_dir=tmp_path)
    with pytest.raises(SimulationError):
        run_cocotb(counter, "no_such_bench", results_dir=tmp_path)


@pytest.mark.slow
def test_same_verilog_is_compiled_once(counter: Build) -> None:
    lines: list[str] = []
    assert build_cocotb(COUNTER, "counter", on_line=lines.append) == counter
    assert lines == []


def test_key_depends_on_text_top_and_arguments() -> None:
    tool = find_verilator()
    keys = {
        Compilation(text, top, tool, arguments).key()
        for text in ("a", "b")
        for top in ("c", "d")
        for arguments in ((), ("-O1",))
    }
    assert len(keys) == 8


def test_wrong_verilog_is_reported_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"top\.v:1:.*nonsense"):
        build_cocotb("module top(input nonsense i); endmodule", "top", cache=tmp_path)
    assert not list(tmp_path.glob("verilator/*/build.json"))


@pytest.mark.parametrize("missing", ["g++", "make", "perl"])
def test_missing_program_is_named_with_its_package(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    for program in {"g++", "make", "perl"} - {missing}:
        (tmp_path / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=rf"{missing[0]}.* is not in PATH.*install the package"):
        build_cocotb(COUNTER, "counter", cache=tmp_path)


def test_cache_in_a_path_with_a_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make cannot build in a path with a space"):
        build_cocotb(COUNTER, "counter", cache=tmp_path / "my cache")


def test_lint_accepts_clean_verilog_and_amaranths_widths() -> None:
    assert lint(COUNTER, "counter") == []


def test_lint_names_an_unused_signal() -> None:
    text = "module top(input i, output o); wire spare = i; assign o = i; endmodule\n"
    (warning,) = lint(text, "top")
    assert "UNUSEDSIGNAL" in warning
    assert "spare" in warning


def test_lint_reads_a_file_by_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "module_of_file.v"
    path.write_text("module other(input i, output o); assign o = i; endmodule\n")
    (warning,) = lint(path)
    assert "Filename 'module_of_file' does not match" in warning


@pytest.mark.slow
def test_verilators_own_code_is_compiled_once_for_all_designs(
    counter: Build, tmp_path: Path
) -> None:
    lines: list[str] = []
    for path in counter.folder.parent.glob("*/library.o"):
        folder = tmp_path / "verilator" / path.parent.name
        shutil.copytree(path.parent, folder)
    text = "module other(input i, output o); assign o = !i; endmodule\n"
    build_cocotb(text, "other", cache=tmp_path, on_line=lines.append)
    assert any("Vtop__ALL.cpp" in line for line in lines)
    assert not any("verilated_vpi.cpp" in line for line in lines)
