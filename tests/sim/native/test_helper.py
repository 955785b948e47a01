from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenzo.sim.native.helper import Helper, StartError
from tenzo.sim.native.transport import NativeTransport
from tenzo.sw.errors import DeviceError
from tests.sim.native.echo_engine import ASSERTED, SWALLOWED, build_echo


@pytest.fixture
def transport() -> Iterator[NativeTransport]:
    transport = NativeTransport(Helper(build_echo().program))
    yield transport
    transport.close()


def wait_for_end(pid: int) -> None:
    """Return when a process that is no child of ours has ended."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z":
                return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} still runs")


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 100])
def test_every_packet_has_its_response_in_order(transport: NativeTransport, count: int) -> None:
    packets = [list(range(n, n + 1 + n % 7)) for n in range(count)]
    assert list(transport.exchange(packets)) == packets
    assert list(transport.exchange(packets)) == packets


@pytest.mark.slow
def test_words_of_all_bits_pass(transport: NativeTransport) -> None:
    packets = [[0xFFFFFFFF, 0, 0x80000000], [1]]
    assert list(transport.exchange(packets)) == packets


@pytest.mark.slow
def test_more_than_the_pipes_hold_passes_both_ways(transport: NativeTransport) -> None:
    packets = [[n] * 20_000 for n in range(40)]
    assert list(transport.exchange(packets)) == packets


@pytest.mark.slow
def test_cycles_do_not_depend_on_the_pace_of_the_host(transport: NativeTransport) -> None:
    def slowly() -> Iterator[list[int]]:
        for n in range(40):
            time.sleep(0.001)
            yield [n, n]

    counts = []
    for packets in (slowly(), iter([[n, n] for n in range(40)])):
        before = transport.helper.cycles
        list(transport.exchange(packets))
        counts.append(transport.helper.cycles - before)
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_a_missing_response_is_a_hang(transport: NativeTransport) -> None:
    with pytest.raises(DeviceError, match="engine hangs: no response by clock cycle"):
        list(transport.exchange([[SWALLOWED]]))


@pytest.mark.slow
def test_allowed_cycles_put_off_a_hang(transport: NativeTransport) -> None:
    transport.allow(500_000)
    with pytest.raises(DeviceError, match="hangs"):
        list(transport.exchange([[SWALLOWED]]))
    assert transport.helper.cycles > 2_500_000


@pytest.mark.slow
def test_an_assertion_that_fires_is_quoted(transport: NativeTransport) -> None:
    with pytest.raises(DeviceError, match=r"the simulated engine stopped: .*Assertion.*not_dead"):
        list(transport.exchange([[ASSERTED]]))


@pytest.mark.slow
def test_a_killed_process_is_named_with_its_signal(transport: NativeTransport) -> None:
    os.kill(transport.helper.pid, signal.SIGKILL)
    with pytest.raises(DeviceError, match=r"simulated engine \(\d+\) was ended by SIGKILL"):
        list(transport.exchange([[1]]))


@pytest.mark.slow
def test_the_process_has_a_session_of_its_own(transport: NativeTransport) -> None:
    assert os.getsid(transport.helper.pid) == transport.helper.pid


@pytest.mark.slow
@pytest.mark.parametrize("computing", [False, True])
def test_the_process_ends_when_its_parent_is_killed(computing: bool) -> None:
    work = f"list(transport.exchange([[{SWALLOWED}]]))" if computing else "time.sleep(60)"
    code = (
        "import time\n"
        "from tenzo.sim.native.helper import Helper\n"
        "from tenzo.sim.native.transport import NativeTransport\n"
        "from tests.sim.native.echo_engine import build_echo\n"
        "transport = NativeTransport(Helper(build_echo().program))\n"
        "transport.allow(1 << 50)\n"
        "print(transport.helper.pid, flush=True)\n"
        f"{work}\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.2)
    parent.kill()
    parent.communicate()
    wait_for_end(pid)


@pytest.mark.slow
def test_closing_twice_is_closing(transport: NativeTransport) -> None:
    transport.close()
    transport.close()


def test_a_program_that_is_no_engine_does_not_start() -> None:
    with pytest.raises(StartError, match="ended with status"):
        Helper(Path("/bin/true"))
    with pytest.raises(StartError, match="does not start"):
        Helper(Path("/nonexistent/program"))


def test_a_file_that_is_no_program_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "half"
    path.write_bytes(b"\x7fELF\x02\x01\x01")
    path.chmod(0o755)
    with pytest.raises(StartError, match="does not start"):
        Helper(path)
