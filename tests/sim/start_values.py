"""An engine's Verilog with registers and memories that start at arbitrary values."""

from __future__ import annotations

import random
import re


def arbitrary_start(verilog: str, seed: int) -> tuple[str, int, int]:
    """Replace first values; also return how many registers and how many memories changed.

    A memory word becomes a hash of its address, since a call of ``$random`` would differ from run
    to run.
    """
    source = random.Random(seed)

    def register(match: re.Match[str]) -> str:
        width = int(match["width"])
        return f"{match['name']}{width}'h{source.getrandbits(width):x};"

    def word(match: re.Match[str]) -> str:
        offset = source.getrandbits(32)
        return f"{match['name']}(64'd11400714819323198485 * (fill_word + 64'd{offset})) >> 17;"

    verilog, registers = re.subn(
        r"^(?P<name>  initial .* = )(?P<width>\d+)'[hd][0-9a-f]+;$",
        register,
        verilog,
        flags=re.MULTILINE,
    )
    verilog, memories = re.subn(
        r"^(?P<name>      \S+ ?\[fill_word\] = )\d+'[hd]0+;$", word, verilog, flags=re.MULTILINE
    )
    return verilog, registers, memories
