"""A second simulator's opinion: Icarus Verilog computes the same words on one program."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenzo.hw.verilog import MODULE_NAME, engine_verilog
from tenzo.sim.fixed_cases import long_case
from tenzo.sim.random_engines import RANDOM_ENGINES
from tenzo.sw.link.packet_device import PacketDevice
from tests.sim.endpoint_device import EndpointTransport

BENCH = """
`timescale 1ns / 1ns
module bench;
  reg clk = 0, rst = 1, valid = 0;
  reg [32:0] words [0:{last}];
  reg [32:0] word;
  wire ready, o_valid;
  wire [32:0] o_payload;
  integer index = 0, last_words = 0, file;
  {module} dut (.clk(clk), .rst(rst), .i__payload(word), .i__valid(valid), .i__ready(ready),
                .o__payload(o_payload), .o__valid(o_valid), .o__ready(1'b1));
  always #5 clk = ~clk;
  initial begin
    $readmemh("words.hex", words);
    file = $fopen("responses.hex", "w");
    repeat (3) @(negedge clk);
    rst = 0;
    word = words[0];
    valid = 1;
  end
  reg moved;
  always @(posedge clk) begin
    moved = valid & ready & ~rst;
    if (o_valid & ~rst) begin
      $fdisplay(file, "%h", o_payload);
      last_words = last_words + o_payload[32];
      if (last_words == {responses}) begin
        $fclose(file);
        $finish;
      end
    end
  end
  always @(negedge clk) if (moved) begin
    index = index + 1;
    word = words[index];
    valid = index <= {last};
  end
  initial #{limit} $fatal(1, "too late");
endmodule
"""


def packets_of(words: list[int]) -> list[list[int]]:
    packets: list[list[int]] = [[]]
    for word in words:
        packets[-1].append(word & 0xFFFFFFFF)
        if word >> 32:
            packets.append([])
    return packets[:-1]


@pytest.mark.slow
def test_icarus_verilog_gives_the_same_responses(
    tmp_path: Path, require_tool: Callable[[str], str]
) -> None:
    require_tool("vvp")
    engine = RANDOM_ENGINES["8x8"]
    case = long_case(engine)
    transport = EndpointTransport(engine)
    device = PacketDevice(engine, transport)
    device.load_program(case.program)
    device.write_parameters(case.parameters_raw)
    queries = [case.queries[0], replace(case.queries[0], sign=-1, seed=7, epsilon_raw=3)]
    answers = list(device.evaluate(case.samples_raw, queries))
    assert any(np.any(answer.outputs_raw) for answer in answers)

    words = [
        word | (index == len(packet) - 1) << 32
        for packet in transport.sent
        for index, word in enumerate(packet)
    ]
    bench = BENCH.format(
        last=len(words) - 1,
        module=MODULE_NAME,
        responses=len(transport.sent),
        limit=10 * 1_000_000,
    )
    (tmp_path / "words.hex").write_text("".join(f"{word:09x}\n" for word in words))
    (tmp_path / "engine.v").write_text(engine_verilog(engine) + bench)
    compile_command = [require_tool("iverilog"), "-g2005", "-s", "bench", "-o", "engine.vvp"]
    for command in ([*compile_command, "engine.v"], ["vvp", "-n", "engine.vvp"]):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    received = packets_of([int(line, 16) for line in (tmp_path / "responses.hex").open()])
    fresh = EndpointTransport(engine)
    assert received == list(fresh.exchange(transport.sent))
