"""Signals during a build, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.boards.fake_tools import install

_BUILD = """
import sys
import tenzo.boards.top
tenzo.boards.top.board_verilog = lambda *arguments: "// no engine"
sys.argv = ["tenzo", "build", "digits", "--board", "ulx3s-12f", "-o", "out"]
from tenzo.sw.cli import main
main()
"""


_ENDLESS = """
import os, time
Path(__file__).with_name("told").write_text(f"{os.getpid()} {here}")
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_tool_and_leaves_no_files(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "tools").mkdir()
    install(tmp_path / "tools", monkeypatch, NEXTPNR_ECP5=_ENDLESS)
    build = subprocess.Popen([sys.executable, "-c", _BUILD], stderr=subprocess.PIPE, text=True)
    told = tmp_path / "tools" / "told"
    deadline = time.monotonic() + 60
    while not (told.exists() and told.read_text()):
        assert build.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process, folder = told.read_text().split()
    assert Path(folder).is_relative_to(tmp_path)
    build.send_signal(number)
    _, said = build.communicate(timeout=60)
    assert build.returncode == 128 + number
    assert said.splitlines()[-1] == f"tenzo: stopped by {number.name}"
    with pytest.raises(ProcessLookupError):
        os.kill(int(process), 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tools"]
