"""Frames of bytes on a serial line: packets by consistent overhead byte stuffing (COBS).

The words of a packet are little-endian bytes. COBS cuts them at their zeros into blocks: a code,
one more than the bytes that follow it, stands in front of each and for the zero behind the block
before. So no frame holds a zero, and a zero ends it: whatever is lost, the next zero begins anew. A
block of 254 bytes has code 255 and stands for no zero. A frame of n bytes grows by one byte in 254
at most, one for its first code and one for its end. ::

    words  00000007 00000100
    bytes  07 00 00 00 00 01 00 00
    frame  02 07  01  01  01  02 01  01  01  00
           code   for each zero              end

The scheme: S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on
Networking 7(2), 1999. Hardware twin: :mod:`tenzo.hw.cobs`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

END = 0
"""Byte that ends a frame."""

FULL_BLOCK_BYTES = 254
"""Bytes in a block that stands for no zero."""

_FULL_CODE = FULL_BLOCK_BYTES + 1


def encode_frame(words: Sequence[int]) -> bytes:
    """Return the frame of a packet, its end included.

    Parameters
    ----------
    words : sequence of :class:`int`
        Unsigned 32-bit words, header to CRC.
    """
    frame = bytearray()
    data = struct.pack(f"<{len(words)}I", *words)
    runs = data.split(b"\0")
    for index, run in enumerate(runs):
        full = len(run) // FULL_BLOCK_BYTES * FULL_BLOCK_BYTES
        for first in range(0, full, FULL_BLOCK_BYTES):
            frame.append(_FULL_CODE)
            frame += run[first : first + FULL_BLOCK_BYTES]
        if full < len(run) or not full or index < len(runs) - 1:
            frame.append(len(run) - full + 1)
            frame += run[full:]
    frame.append(END)
    return bytes(frame)


def frame_bytes(word_count: int) -> int:
    """Return the most bytes that a frame of so many words has, its end included."""
    return 4 * word_count + 4 * word_count // FULL_BLOCK_BYTES + 2


class FrameDecoder:
    """Packets from the bytes of a serial line, however they are cut.

    Every frame of at least one whole word becomes a packet, damaged ones included: their CRC says
    so. Bytes behind the last whole word are dropped, and a block whose bytes are not all there ends
    with the frame. Frames without a word, two zeros in a row for example, are ignored. The first
    packet may be the tail of one whose beginning was never seen.
    """

    def __init__(self) -> None:
        self._frame = bytearray()

    def feed(self, data: bytes) -> list[list[int]]:
        """Take bytes; return the packets that they complete, each a list of unsigned words."""
        *ends, rest = data.split(b"\0")
        packets = []
        for end in ends:
            words = _decode(bytes(self._frame) + end)
            self._frame.clear()
            if words:
                packets.append(words)
        self._frame += rest
        return packets


def _decode(frame: bytes) -> list[int]:
    """Return the words of a frame without its end."""
    data = bytearray()
    place, implied = 0, b""
    while place < len(frame):
        code = frame[place]
        data += implied
        data += frame[place + 1 : place + code]
        place += code
        implied = b"" if code == _FULL_CODE else b"\0"
    count = len(data) // 4
    return list(struct.unpack(f"<{count}I", data[: 4 * count]))
