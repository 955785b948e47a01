"""A board that sends every bit back, built as boards with engines are."""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Iterator
from pathlib import Path

from tenzo.sim import board
from tenzo.sim.board.board import FLAGS, TOP
from tenzo.sim.board.process import BoardProcess
from tenzo.sim.verilator import Build, build_native

DIVISOR = 4

_BOARD = """\
module tenzo_board(input clk, input rst, input rx, output reg tx, output busy);
  assign busy = rst;
  initial tx = 1'b1;
  always @(posedge clk) tx <= rx;
endmodule
"""


def build_echo() -> Build:
    """Build it, or take it from the cache."""
    folder = Path(board.__file__).parent
    text = _BOARD + (folder / "wrapper.v").read_text()
    return build_native(text, TOP, folder / "loop.cpp", extra_args=FLAGS)


@contextlib.contextmanager
def echo_board(
    faults: float = 0.0, seed: int = 1, link: Path | None = None
) -> Iterator[BoardProcess]:
    """Run one."""
    process = BoardProcess(build_echo().program, DIVISOR, faults, seed, link)
    try:
        yield process
    finally:
        process.close()


@contextlib.contextmanager
def opened(port: str) -> Iterator[int]:
    """Open a port as a host does, without waiting for bytes."""
    file = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield file
    finally:
        os.close(file)


def read_until_quiet(file: int, quiet_seconds: float = 0.3) -> bytes:
    """Read until nothing has come for some time."""
    data = bytearray()
    while select.select([file], [], [], quiet_seconds)[0]:
        data += os.read(file, 65536)
    return bytes(data)


def talk(file: int, data: bytes, chunk: int = 1000) -> bytes:
    """Write bytes in chunks; return all that comes back."""
    got = bytearray()
    while data:
        readable, writable, _ = select.select([file], [file], [])
        if readable:
            got += os.read(file, 65536)
        if writable:
            data = data[os.write(file, data[:chunk]) :]
    return bytes(got) + read_until_quiet(file)
