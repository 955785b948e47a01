"""The example in C, compiled for a network, and what golden makes of the same samples."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tenzo import sw
from tenzo.sw.device import Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.golden.device import GoldenDevice
from tenzo.sw.link.c_header import c_header, network_header
from tenzo.sw.program import Program

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
SOURCES = ("tenzo_example.c", "tenzo_driver.c")

IntArray = npt.NDArray[np.int64]


class CProgram:
    """Example and driver, compiled in a folder."""

    def __init__(
        self,
        folder: Path,
        compiler: str,
        program: Program,
        parameters_raw: IntArray,
        engine: EngineParameters,
        header: str | None = None,
    ) -> None:
        self.engine, self.program, self.parameters_raw = engine, program, parameters_raw
        shutil.copytree(Path(sw.__file__).parent / "c_driver", folder, dirs_exist_ok=True)
        (folder / "tenzo.h").write_text(header or c_header(engine))
        text = network_header(program, parameters_raw, engine)
        (folder / "tenzo_network.h").write_text(text)
        self.path = folder / "tenzo_example"
        self.compiled = subprocess.run(
            [compiler, *FLAGS, *SOURCES, "-o", str(self.path)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(
        self, port: str, samples: IntArray, *options: int, seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Evaluate samples on what is behind a port."""
        text = "\n".join(" ".join(map(str, sample)) for sample in samples.tolist())
        return self.run_text(port, text, *options, seconds=seconds)

    def run_text(
        self, port: str, text: str, *options: int, seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Give any text as samples."""
        return subprocess.run(
            [str(self.path), port, *map(str, options)],
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def samples(self, count: int) -> IntArray:
        """Return random samples, the same in every run."""
        kind, shape = self.engine.activation, (count, self.program.input_count)
        return np.random.default_rng(count).integers(kind.min_raw, kind.max_raw + 1, shape)

    def expected(self, samples: IntArray, query: Query) -> str:
        """Return what it must print."""
        golden = GoldenDevice(self.engine, "numpy")
        golden.load_program(self.program)
        golden.write_parameters(self.parameters_raw)
        rows = [row for found in golden.evaluate(samples, [query]) for row in found.outputs_raw]
        return "".join(" ".join(map(str, row.tolist())) + "\n" for row in rows)
