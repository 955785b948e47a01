"""The Python model of an engine behind a pseudo-terminal, on a line that damages bytes."""

from __future__ import annotations

import os
import random
import select
import threading
import tty
from collections.abc import Callable

from tenzo.sw.engine import EngineParameters
from tenzo.sw.link.endpoint import Endpoint
from tenzo.sw.link.framing import FrameDecoder, encode_frame

Answer = Callable[[list[int]], bytes]


class Faults:
    """Flips a bit of, drops, repeats bytes or inserts others, each byte with the same chance."""

    def __init__(self, rate: float, seed: int) -> None:
        self.rate = rate
        self.count = 0
        self._random = random.Random(seed)

    def apply(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._random.random() >= self.rate:
                out.append(byte)
                continue
            self.count += 1
            noise = self._random.randrange(256)
            out += self._random.choice(
                [bytes([byte ^ 1 << noise % 8]), b"", bytes([byte, byte]), bytes([noise, byte])]
            )
        return bytes(out)


class PtyEngine:
    """An engine behind a pseudo-terminal, in a thread; ``answer`` takes the place of its model.

    ``packets`` counts what arrived; the terminal is closed after ``last`` of them.
    """

    def __init__(
        self,
        engine: EngineParameters,
        rate: float = 0.0,
        seed: int = 1,
        answer: Answer | None = None,
        last: int | None = None,
    ) -> None:
        self.endpoint = Endpoint(engine)
        self.faults = Faults(rate, seed)
        self.packets = 0
        self._answer = answer or (lambda words: encode_frame(self.endpoint.exchange(words)))
        self._last = last
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> PtyEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def device(self) -> str:
        return f"serial:{self.port}"

    def close(self) -> None:
        """Vanish, as a board that is unplugged."""
        os.write(self._wake, b".")
        self._thread.join()
        for descriptor in (self._stop, self._wake):
            os.close(descriptor)

    def _serve(self) -> None:
        decoder = FrameDecoder()
        while self.packets != self._last:
            ready, _, _ = select.select([self.master, self._stop], [], [])
            if self._stop in ready:
                break
            data = self.faults.apply(os.read(self.master, 4096))
            for words in decoder.feed(data):
                self.packets += 1
                os.write(self.master, self.faults.apply(self._answer(words)))
        os.close(self.master)
        os.close(self._slave)
