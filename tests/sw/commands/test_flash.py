"""``tenzo flash``."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.sw.runs_support import run_tenzo


@pytest.fixture
def built(tmp_path):
    """A folder as ``tenzo build`` leaves it, as far as flashing goes."""
    folder = tmp_path / "digits-colorlight"
    folder.mkdir()
    (folder / "tenzo_board.bit").write_bytes(b"bits")
    report = {
        "board": "colorlight-5a75b",
        "bitstream": "tenzo_board.bit",
        "bitstream_hash": hashlib.sha256(b"bits").hexdigest(),
    }
    write_report(folder, report)
    return folder


@pytest.fixture
def loader(tmp_path, monkeypatch):
    """A loader that writes its arguments into a file, and fails if there is a file ``fail``."""
    program = tmp_path / "bin" / "openFPGALoader"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n[ ! -e {tmp_path}/fail ]\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.fixture
def no_loader(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)


def write_report(folder: Path, report: dict[str, Any]) -> None:
    (folder / "report.json").write_text(json.dumps(report))


def slip(*arguments: str) -> str:
    result = run_tenzo("flash", *arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line.removeprefix("tenzo: ")


def test_the_loader_gets_board_cable_and_bitstream(built: Path, loader: Path) -> None:
    assert run_tenzo("flash", str(built)).exit_code == 0
    options = "--board colorlight --cable ft232RL"
    assert (loader / "called").read_text() == f"{options} {built}/tenzo_board.bit\n"


def test_flash_memory_is_written_on_request(built: Path, loader: Path) -> None:
    file = str(built / "tenzo_board.bit")
    assert run_tenzo("flash", file, "--board", "ulx3s-12f", "--permanent").exit_code == 0
    assert (loader / "called").read_text() == f"--board ulx3s --write-flash {file}\n"


@pytest.mark.usefixtures("no_loader")
def test_without_a_loader_its_command_is_printed(built: Path) -> None:
    result = run_tenzo("flash", str(built))
    assert result.exit_code == 1
    file = built / "tenzo_board.bit"
    assert result.stdout == f"openFPGALoader --board colorlight --cable ft232RL {file}\n"
    assert result.stderr.startswith("tenzo: openFPGALoader is not installed, install the package")
    assert result.stderr.endswith(", then run\n")


def test_a_loader_that_fails_is_a_slip_that_names_its_command(built: Path, loader: Path) -> None:
    (loader / "fail").touch()
    sentence = slip(str(built))
    assert sentence.startswith("openFPGALoader ended with status 1: check that the Colorlight")
    assert sentence.endswith(f"{built}/tenzo_board.bit")


def test_a_bitstream_that_was_not_built_with_the_report_is_refused(built: Path) -> None:
    (built / "tenzo_board.bit").write_bytes(b"other")
    assert "tenzo_board.bit is not the bitstream that was built" in slip(str(built))


def test_a_bitstream_for_another_board_is_refused(built: Path) -> None:
    sentence = slip(str(built), "--board", "icebreaker")
    assert sentence.endswith("is for colorlight-5a75b, not icebreaker: leave --board out")
    sentence = slip(str(built / "tenzo_board.bit"), "--board", "icebreaker")
    assert (
        sentence == "bitstreams for icebreaker end in .bin, so tenzo_board.bit is for another one"
    )


def test_an_archive_is_no_bitstream(built: Path) -> None:
    write_report(built, {"board": "arty-a7-35", "bitstream": "", "archive": "tenzo_board.zip"})
    assert "holds an archive for the vendor's tools and no bitstream" in slip(str(built))


@pytest.mark.parametrize(
    "report",
    [
        *(None, "{", "[]", "{}"),
        '{"board": "icebreaker", "bitstream": 5}',
        '{"board": ["icebreaker"], "bitstream": "top.bin"}',
    ],
)
def test_a_folder_without_a_build_is_refused(report: str | None, tmp_path: Path) -> None:
    if report is not None:
        (tmp_path / "report.json").write_text(report)
    assert f"{tmp_path} holds no build: name the folder of 'tenzo build'" in slip(str(tmp_path))


def test_a_file_needs_a_board_that_exists(built: Path) -> None:
    file = str(built / "tenzo_board.bit")
    assert slip(file).startswith(f"name the board that {file} is for with --board")
    assert slip(file, "--board", "ulx3s").startswith("'ulx3s' is no board: did you mean")
    assert slip("no.bit", "--board", "ulx3s-12f").startswith("there is no bitstream no.bit")
