"""The process of a simulated board, with a line that sends everything back."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenzo.sim.board.process import BoardProcess
from tenzo.sim.native.helper import StartError
from tenzo.sw.errors import DeviceError, UserError
from tests.sim.board.echo_board import build_echo, echo_board, opened, read_until_quiet, talk
from tests.sim.native.test_helper import wait_for_end


def damaged(data: bytes, faults: float, seed: int) -> bytes:
    """What returns of bytes."""
    with echo_board(faults, seed) as board, opened(board.port) as file:
        return talk(file, data)


def processor_seconds(pid: int) -> float:
    """Time that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
def test_every_byte_passes_both_ways() -> None:
    data = bytes(range(256)) * 2 + random.Random(1).randbytes(20_000)
    with echo_board() as board, opened(board.port) as file:
        assert talk(file, data) == data
        traffic = board.close()
    assert traffic is not None
    assert (traffic.bytes_in, traffic.bytes_out) == (len(data), len(data))
    assert traffic.damaged_bytes == 0
    assert 40 * len(data) < traffic.cycles < 44 * len(data)


@pytest.mark.slow
def test_hosts_come_and_go() -> None:
    with echo_board() as board:
        for count in range(5):
            with opened(board.port) as file:
                assert talk(file, bytes([count])) == bytes([count])


@pytest.mark.slow
def test_the_port_is_raw() -> None:
    with echo_board() as board:
        # A shell's tools set nothing, and a terminal would echo and wait for lines.
        Path(board.port).write_bytes(b"a\r\n\x03\x04\x11\x13\xff")
        with opened(board.port) as file:
            assert read_until_quiet(file) == b"a\r\n\x03\x04\x11\x13\xff"


@pytest.mark.slow
def test_the_same_seed_damages_the_same_bytes_however_they_are_cut() -> None:
    data = random.Random(2).randbytes(5000)
    with echo_board(0.02, 7) as board, opened(board.port) as file:
        first = talk(file, data, chunk=13)
    assert first != data
    assert first == damaged(data, 0.02, 7)
    assert first != damaged(data, 0.02, 8)


@pytest.mark.slow
def test_a_byte_is_damaged_as_often_as_asked() -> None:
    with echo_board(0.01, 3) as board, opened(board.port) as file:
        talk(file, bytes(50_000))
        traffic = board.close()
    assert traffic is not None
    passed = traffic.bytes_in + traffic.bytes_out
    assert passed > 99_000
    assert abs(traffic.damaged_bytes - 0.01 * passed) < 5 * (0.01 * passed) ** 0.5


@pytest.mark.slow
def test_bytes_are_flipped_dropped_repeated_and_inserted_alike() -> None:
    """Runs of equal bytes between those that are damaged tell what has happened to each."""
    period, count = 40, 2000
    # At this rate one damaged byte in a period is usual, and two are rare enough to be left out.
    got = damaged(b"\x00".join(b"\xaa" * (period - 1) for _ in range(count)), 0.005, 5)
    kinds = {"flipped": 0, "shorter": 0, "longer": 0}
    for piece in got.split(b"\x00"):
        odd = [byte for byte in piece if byte != 0xAA]
        if len(piece) == period - 1 and len(odd) == 1 and (odd[0] ^ 0xAA).bit_count() == 1:
            kinds["flipped"] += 1
        elif len(piece) == period - 2 and not odd:
            kinds["shorter"] += 1
        elif len(piece) == period:
            kinds["longer"] += 1
    assert kinds["flipped"] > 50
    assert 0.6 < kinds["shorter"] / kinds["flipped"] < 1.7
    assert 0.6 < kinds["longer"] / kinds["flipped"] / 2 < 1.7  # repeated or inserted


@pytest.mark.slow
def test_a_host_that_does_not_read_blocks_nobody() -> None:
    data = random.Random(4).randbytes(300_000)
    with echo_board() as board:
        with opened(board.port) as file:
            sent, before = 0, time.monotonic()
            while sent < len(data) and time.monotonic() - before < 60:
                try:
                    sent += os.write(file, data[sent : sent + 4096])
                except BlockingIOError:
                    time.sleep(0.005)
            assert sent == len(data)
            time.sleep(0.3)
            got = read_until_quiet(file)
        assert 0 < len(got) < len(data)
        assert got[-1000:] == data[-1000:]  # what is lost is old


@pytest.mark.slow
def test_an_idle_board_takes_no_processor_time() -> None:
    with echo_board() as board, opened(board.port) as file:
        talk(file, b"hello")
        before = processor_seconds(board.pid)
        time.sleep(1.0)
        assert processor_seconds(board.pid) - before <= 0.02


@pytest.mark.slow
def test_the_link_leads_to_the_terminal_and_is_removed(tmp_path: Path) -> None:
    link = tmp_path / "board"
    link.symlink_to("/dev/pts/nowhere")
    with echo_board(link=link) as board:
        assert board.port == str(link)
        assert os.readlink(link) == board.terminal
        with opened(board.port) as file:
            assert talk(file, b"x") == b"x"
    assert not link.is_symlink()


@pytest.mark.slow
def test_a_link_that_another_board_has_taken_over_stays(tmp_path: Path) -> None:
    link = tmp_path / "board"
    with echo_board() as second:
        with echo_board(link=link):
            link.unlink()
            link.symlink_to(second.terminal)
        assert os.readlink(link) == second.terminal


@pytest.mark.slow
def test_a_file_in_the_place_of_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is there already and no symbolic link: name another path"):
        BoardProcess(build_echo().program, 4, 0.0, 1, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
def test_a_board_that_is_killed_says_so_and_the_port_vanishes() -> None:
    with echo_board() as board, opened(board.port) as file:
        os.kill(board.pid, signal.SIGKILL)
        with pytest.raises(DeviceError, match="the simulated board stopped: was ended by SIGKILL"):
            board.wait()
        assert board.close() is None
        with pytest.raises(OSError, match="Input/output error"):
            os.write(file, b"x")


@pytest.mark.slow
def test_the_process_ends_when_its_parent_is_killed() -> None:
    code = (
        "import time\n"
        "from tests.sim.board.echo_board import echo_board\n"
        "with echo_board() as board:\n"
        "    print(board.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    wait_for_end(pid)


def test_a_program_that_is_no_board_does_not_start() -> None:
    with pytest.raises(StartError, match="is not the program of a board"):
        BoardProcess(Path("/bin/true"), 4, 0.0, 1)
    with pytest.raises(StartError, match="does not start"):
        BoardProcess(Path("/nonexistent/program"), 4, 0.0, 1)
