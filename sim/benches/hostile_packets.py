"""cocotb test: hostile packets to the engine and to its model, drawn and shrunk by Hypothesis.

Environment: ``TENZO_EXAMPLES``, how many exchanges; ``TENZO_DERANDOMIZE``, 1 for the same ones in
every run.
"""

from __future__ import annotations

import os
from itertools import cycle

import cocotb
from cocotb.handle import HierarchyObject
from cocotb.task import bridge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenzo.sim.bench import start
from tenzo.sim.cocotb_device import CocotbTransport
from tenzo.sim.hostile_packets import (
    HOSTILE_ENGINE,
    early_packets,
    exchanges,
    loading_packets,
    working_packets,
)
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.packets import COUNTER_WORDS, RESPONSE_BIT, Opcode, crc32


@cocotb.test()
async def engine_and_model_answer_alike(dut: HierarchyObject) -> None:
    """Whatever comes, both answer the same; and good packets work afterwards."""
    await start(dut)
    await bridge(_check_all)(dut)


def _check_all(dut: HierarchyObject) -> None:
    transport = CocotbTransport(dut)
    model = Endpoint(HOSTILE_ENGINE)

    def compare(packets: list[list[int]]) -> None:
        expected = [model.exchange(packet) for packet in packets]
        actual = transport.exchange(packets)
        for index, (want, got) in enumerate(zip(expected, actual, strict=True)):
            if _comparable(want) != _comparable(got):
                raise AssertionError(
                    f"packet {index} {_hex(packets[index])}: the model answers {_hex(want)}, "
                    f"the engine {_hex(got)}"
                )

    def start_afresh() -> None:
        # Bring both to the same state, also after an example that failed.
        for packet in (packets := [*working_packets(), *loading_packets()]):
            model.exchange(packet)
        transport.exchange(packets)

    @settings(
        max_examples=int(os.environ["TENZO_EXAMPLES"]),
        derandomize=os.environ.get("TENZO_DERANDOMIZE") == "1",
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(exchanges(HOSTILE_ENGINE), st.booleans())
    def alike(packets: list[list[int]], paced: bool) -> None:
        transport.driver.gaps = cycle([0, 3, 1, 0, 0, 7] if paced else [0])
        transport.monitor.stalls = cycle([5, 0, 0, 2, 1]) if paced else None
        start_afresh()
        compare(packets)
        compare(working_packets())

    compare([[0x12345678], *early_packets()])
    alike()


def _comparable(response: list[int]) -> list[int]:
    """Return a response without the counters of waiting, which the model does not know."""
    if response[0] & 0xFF != Opcode.READ_COUNTERS | RESPONSE_BIT:
        return response
    assert response[-1] == crc32(response[:-1]), "the response's CRC is wrong"
    compared = len(COUNTER_WORDS) - sum("wait" in name or "stall" in name for name in COUNTER_WORDS)
    return response[: 1 + compared]


def _hex(words: list[int]) -> str:
    """Return the first words of a packet in hexadecimal."""
    text = " ".join(f"{word:08x}" for word in words[:12])
    return f"[{text}{' ...' if len(words) > 12 else ''}]"
