"""The files that go with an engine: Verilog, ports, packets, a network's words, and a C driver."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tenzo.sw.configuration.config import Config
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.link.c_header import c_header, network_header
from tenzo.sw.link.memory_image import memory_image
from tenzo.sw.link.packet_docs import packet_docs
from tenzo.sw.networks.parameters import initial_vector
from tenzo.sw.planning.planner import Plan, plan
from tenzo.sw.training.checkpoint import write_atomically
from tenzo.sw.training.trained import load_trained

PORTS_FILE, PACKETS_FILE, IMAGE_FILE = "ports.json", "packets.md", "network.hex"
"""Names of files; the Verilog has the name of its top module."""

HEADER_FILE, NETWORK_HEADER_FILE = "tenzo.h", "tenzo_network.h"
"""Names of what is generated for programs in C."""

C_FILES = {
    "driver_header": "tenzo_driver.h",
    "driver": "tenzo_driver.c",
    "example": "tenzo_example.c",
}
"""Names of what is copied for them."""

_C_FOLDER = Path(__file__).parent / "c_driver"


def write_verilog(
    config: Config,
    out: str | os.PathLike[str],
    run: str | os.PathLike[str] | None = None,
    wrapper: str | None = None,
) -> dict[str, Path]:
    """Write the engine of a configuration and the words that load its network.

    Parameters
    ----------
    config : :class:`Config`
    out : path
        Folder to write into; made if it is not there. Files of the same names are replaced.
    run : path, optional
        Folder of a run: the image holds its weights and shifts, laid out for the engine of
        ``config``. Without it the weights are the initial ones, and the shifts the planner's.
    wrapper : :class:`str`, optional
        One of :data:`tenzo.sw.wrappers.WRAPPERS`: other ports for the Verilog.

    Returns
    -------
    The files: ``verilog``, ``ports``, ``packets`` and ``image``; and for programs in C ``header``,
    ``network_header``, ``driver_header``, ``driver`` and ``example``.

    Raises
    ------
    UserError
        If the network does not fit its engine, the run is damaged or was trained with another
        network or other formats, or ``out`` is no folder.
    OSError
        If a file cannot be written.
    """
    from tenzo.hw.verilog import engine_verilog, module_name, port_manifest

    folder = _checked_folder(Path(out))
    engine = config.engine()
    planned, parameters_raw = _network(config, run)
    texts = {
        "verilog": (f"{module_name(wrapper)}.v", engine_verilog(engine, wrapper)),
        "ports": (PORTS_FILE, json.dumps(port_manifest(engine, wrapper), indent=2) + "\n"),
        "packets": (PACKETS_FILE, packet_docs()),
        "image": (IMAGE_FILE, memory_image(planned.program, parameters_raw, engine)),
        **_c_texts(planned, parameters_raw, engine),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.values():
        data = text.encode()
        write_atomically(folder / name, lambda file, data=data: file.write(data))  # type: ignore[misc]
    return {kind: folder / name for kind, (name, _) in texts.items()}


def _c_texts(
    planned: Plan, parameters_raw: npt.NDArray[np.int64], engine: EngineParameters
) -> dict[str, tuple[str, str]]:
    """Return the names and texts of the files for programs in C."""
    network = network_header(planned.program, parameters_raw, engine)
    return {
        "header": (HEADER_FILE, c_header(engine)),
        "network_header": (NETWORK_HEADER_FILE, network),
        **{kind: (name, (_C_FOLDER / name).read_text()) for kind, name in C_FILES.items()},
    }


def _network(
    config: Config, run: str | os.PathLike[str] | None
) -> tuple[Plan, npt.NDArray[np.int64]]:
    """Return the plan and the raw parameters: a run's, or those before training."""
    network, engine = config.network(), config.engine()
    if run is not None:
        trained = load_trained(run)
        trained.check_same_network(config)
        return plan(network, engine, trained.plan.shifts), trained.parameters_raw
    weights = initial_vector(network, config.training.seed)
    return plan(network, engine), engine.weight.quantize(weights)


def _checked_folder(folder: Path) -> Path:
    """Refuse a folder that cannot be written, before the work is done."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder} must be a folder, not a file: name another")
    parent = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"--out {folder} cannot be written: {parent} refuses it, name another")
    return folder
