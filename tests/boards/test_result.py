"""The folder that a build writes: what it replaces, and what is left when it is broken off."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import tenzo.boards.top
from tenzo.boards.catalogue import boards, find_board
from tenzo.boards.design import Design, make_design
from tenzo.boards.result import REPORT_FILE, check_folder, write_archive
from tenzo.boards.steps import NAME, REPORT, all_steps
from tenzo.sw.configuration.config import load_config
from tenzo.sw.errors import UserError


@pytest.fixture(scope="module")
def design() -> Iterator[Design]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tenzo.boards.top, "board_verilog", lambda *arguments: "// no engine\n")
        yield make_design(load_config("digits"), find_board("arty-a7-35"))


@pytest.fixture
def out(design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An earlier build; the current folder is the one that it lies in."""
    monkeypatch.chdir(tmp_path)
    write_archive(design, Path("out"))
    return Path("out")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(out: Path) -> str:
    with pytest.raises(UserError) as caught:
        check_folder(out)
    return str(caught.value)


@pytest.mark.parametrize("name", ["thesis.tex", ".git", "vivado.jou"])
def test_build_with_a_file_of_somebody_else_is_refused(out: Path, name: str) -> None:
    (out / name).touch()
    assert refused(out) == (
        f"--out out holds {name}, which is not an earlier build's: name a new folder, or an "
        "earlier build's"
    )


def test_build_with_an_unpacked_archive_is_refused(out: Path) -> None:
    (out / NAME).mkdir()
    assert f"out holds {NAME}, which" in refused(out)


def test_folder_or_link_with_the_name_of_a_result_is_refused(out: Path) -> None:
    (out / "pins.json").unlink()
    (out / "pins.json").mkdir()
    assert "out holds pins.json, which" in refused(out)
    (out / "pins.json").rmdir()
    (out / "pins.json").symlink_to("report.json")
    assert "out holds pins.json, which" in refused(out)


@pytest.mark.parametrize("report", [None, '{"coverage": 1}'])
def test_names_of_results_without_a_build_s_report_are_refused(
    out: Path, report: str | None
) -> None:
    (out / REPORT_FILE).unlink()
    if report:
        (out / REPORT_FILE).write_text(report)
    assert "out holds config.toml, which" in refused(out)


def test_build_whose_commands_were_run_again_is_replaced(design: Design, out: Path) -> None:
    before = contents(out)
    options = {"--compress", "--report", "--seed", "--timing-allow-fail"}
    for board in boards():
        for step in all_steps(board, board.default_mhz, 1) if board.open_tools else ():
            for word in step.arguments:
                name = word.removeprefix("cst=")
                if name.startswith((NAME, REPORT)) and name not in options:
                    (out / name).touch()
    assert len(contents(out)) > len(before) + 8
    write_archive(design, out)
    assert contents(out) == before


@pytest.mark.parametrize("place", ["new", "new/deeper", "empty"])
def test_new_and_empty_folders_are_written(design: Design, out: Path, place: str) -> None:
    Path("empty").mkdir()
    write_archive(design, Path(place))
    assert set(contents(Path(place))) == set(contents(out))


def test_link_to_a_folder_is_followed(design: Design, out: Path) -> None:
    Path("link").symlink_to("out")
    (out / REPORT_FILE).write_text('{"tenzo_version": "0"}')
    write_archive(design, Path("link"))
    assert Path("link").is_symlink()
    assert json.loads((out / REPORT_FILE).read_text())["board"] == "arty-a7-35"


def test_current_folder_is_refused(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(out)
    assert refused(Path()) == "--out . is in use and cannot be replaced: name a folder in it"
    assert "is in use" in refused(tmp_path / "out")


def test_mount_point_is_refused() -> None:
    assert "--out / is in use and cannot be replaced" in refused(Path("/"))


@pytest.mark.parametrize("place", ["file", "file/deeper", "nowhere", "nowhere/deeper", "loop"])
def test_place_behind_what_is_no_folder_is_refused(out: Path, place: str) -> None:
    Path("file").touch()
    Path("nowhere").symlink_to("missing")
    Path("loop").symlink_to("loop")
    top = Path.cwd() / place.partition("/")[0]
    sentence = f"--out {place} cannot be written: {top} is no folder, name another"
    assert refused(Path(place)) == sentence


@pytest.mark.parametrize("place", ["out", "locked/out", "locked/new", "locked/new/deeper"])
def test_place_that_refuses_writing_is_refused(
    out: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("locked/out").mkdir(parents=True)
    locked = Path(place).parent if place == "locked/out" else Path(place.partition("/")[0])
    locked = locked.resolve()
    monkeypatch.setattr(os, "access", lambda folder, mode: Path(folder) != locked)
    assert refused(Path(place)) == f"--out {place} cannot be written: {locked} refuses it, " + (
        "name another"
    )


@pytest.mark.parametrize("error", [OSError(errno.EIO, "bad disk"), KeyboardInterrupt()])
@pytest.mark.parametrize("earlier", [True, False])
def test_build_that_is_broken_off_while_it_is_put_in_place_changes_nothing(
    design: Design, out: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, earlier: bool
) -> None:
    place = out if earlier else Path("new")
    before = contents(out)
    replace = Path.replace

    def fail(path: Path, target: Path) -> Path:
        if target.resolve() == place.resolve() and path.name != "before":
            raise error
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(type(error)):
        write_archive(design, place)
    assert [path.name for path in Path().iterdir()] == ["out"]
    assert contents(out) == before
