"""The image of a network, fed to the model of an engine."""

import re

import numpy as np
import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.link.memory_image import memory_image
from tenzo.sw.packets import RESPONSE_BIT
from tenzo.sw.program import Program, Stage
from tests.packet_scripts import SMALL_ENGINES

ENGINE = SMALL_ENGINES["8/8"]


def program(weight_count: int = 5, bias_count: int = 2) -> Program:
    """Return two stages; what they compute does not matter here."""
    stage = Stage(
        counts=(1, 1, 1, 1, 2, 3),
        input_base=0,
        input_strides=(0, 0, 0, 0, 0, 1),
        weight_base=0,
        weight_strides=(0, 0, 0, 0, 1, 1),
        output_base=0,
        output_strides=(0, 0, 0, 0, 1),
        shift=3,
        to_results=True,
        sample_input=True,
    )
    return Program((stage, stage), weight_count, bias_count, 3, (0,), 2, 0)


def image_packets(image: str) -> list[list[int]]:
    """Return the packets of an image, read as ``$readmemh`` reads it."""
    words = [int(line.split("//")[0], 16) for line in image.splitlines() if line[0] != "/"]
    packets: list[list[int]] = [[]]
    for word in words:
        packets[-1].append(word & 0xFFFFFFFF)
        if word >> 32:
            packets.append([])
    assert packets[-1] == []
    return packets[:-1]


def test_image_loads_program_and_parameters() -> None:
    parameters = np.array([1, -2, 127, -128, 0, 5, -6])
    endpoint = Endpoint(ENGINE)
    for packet in image_packets(memory_image(program(), parameters, ENGINE)):
        assert endpoint.exchange(packet)[0] & 0xFF == packet[0] & 0xFF | RESPONSE_BIT
    words = program().encode()
    assert endpoint.core.program[: len(words)] == list(words)
    assert endpoint.core.weights[:5].tolist() == parameters[:5].tolist()
    assert endpoint.core.biases[:2].tolist() == parameters[5:].tolist()


def test_image_says_what_its_words_are() -> None:
    lines = memory_image(program(), np.zeros(7, dtype=np.int64), ENGINE).splitlines()
    assert "// CONFIGURE: weight_count 5, bias_count 2, stage_count 2" in lines
    assert any(line.endswith("  // stage 1 word 17") for line in lines)
    pattern = re.compile(r"//.*|[01][0-9a-f]{8}(  // .*)?")
    assert all(pattern.fullmatch(line) for line in lines)


def test_image_of_wrong_parameters_is_refused() -> None:
    with pytest.raises(UserError, match=r"shape \(7,\), not \(6,\)"):
        memory_image(program(), np.zeros(6, dtype=np.int64), ENGINE)
