"""Tenzo: FPGA engines that train tensor-train networks without back-propagation.

``import tenzo`` is cheap: a public name is imported from its module when it is first used.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names as in _EXPORTS, for type checkers; a test compares
    from tenzo.sim.cosim import cosim as cosim
    from tenzo.sw.configuration.config import Config as Config
    from tenzo.sw.configuration.config import load_config as load_config
    from tenzo.sw.configuration.config import preset_names as preset_names
    from tenzo.sw.device import Counters as Counters
    from tenzo.sw.device import Device as Device
    from tenzo.sw.device import Distribution as Distribution
    from tenzo.sw.device import Query as Query
    from tenzo.sw.doctor import check_tools as check_tools
    from tenzo.sw.engine import EngineParameters as EngineParameters
    from tenzo.sw.errors import UserError as UserError
    from tenzo.sw.formats import Format as Format
    from tenzo.sw.golden.device import GoldenDevice as GoldenDevice
    from tenzo.sw.networks.network import Dense as Dense
    from tenzo.sw.networks.network import Layer as Layer
    from tenzo.sw.networks.network import Network as Network
    from tenzo.sw.networks.network import TensorTrain as TensorTrain
    from tenzo.sw.planning.calibration import calibrate as calibrate
    from tenzo.sw.planning.planner import Plan as Plan
    from tenzo.sw.planning.planner import plan as plan
    from tenzo.sw.problems.field import Field as Field
    from tenzo.sw.problems.field import mean_square as mean_square
    from tenzo.sw.problems.problem import Problem as Problem
    from tenzo.sw.program import Activation as Activation
    from tenzo.sw.program import Program as Program
    from tenzo.sw.program import Stage as Stage
    from tenzo.sw.report.comparison_page import write_comparison as write_comparison
    from tenzo.sw.report.page import write_report as write_report
    from tenzo.sw.report.slices import solution_slice as solution_slice
    from tenzo.sw.training.runs import open_run as open_run
    from tenzo.sw.training.trained import evaluate_run as evaluate_run
    from tenzo.sw.training.trained import load_trained as load_trained
    from tenzo.sw.training.trained import predict_run as predict_run
    from tenzo.sw.training.training import Summary as Summary
    from tenzo.sw.training.training import train as train

#: Public name -> module that defines it.
_EXPORTS: dict[str, str] = {
    "Activation": "tenzo.sw.program",
    "Config": "tenzo.sw.configuration.config",
    "Counters": "tenzo.sw.device",
    "Dense": "tenzo.sw.networks.network",
    "Device": "tenzo.sw.device",
    "Distribution": "tenzo.sw.device",
    "EngineParameters": "tenzo.sw.engine",
    "Field": "tenzo.sw.problems.field",
    "Format": "tenzo.sw.formats",
    "GoldenDevice": "tenzo.sw.golden.device",
    "Layer": "tenzo.sw.networks.network",
    "Network": "tenzo.sw.networks.network",
    "Plan": "tenzo.sw.planning.planner",
    "Problem": "tenzo.sw.problems.problem",
    "Program": "tenzo.sw.program",
    "Query": "tenzo.sw.device",
    "Stage": "tenzo.sw.program",
    "Summary": "tenzo.sw.training.training",
    "TensorTrain": "tenzo.sw.networks.network",
    "UserError": "tenzo.sw.errors",
    "calibrate": "tenzo.sw.planning.calibration",
    "check_tools": "tenzo.sw.doctor",
    "cosim": "tenzo.sim.cosim",
    "evaluate_run": "tenzo.sw.training.trained",
    "load_config": "tenzo.sw.configuration.config",
    "load_trained": "tenzo.sw.training.trained",
    "mean_square": "tenzo.sw.problems.field",
    "open_run": "tenzo.sw.training.runs",
    "plan": "tenzo.sw.planning.planner",
    "predict_run": "tenzo.sw.training.trained",
    "preset_names": "tenzo.sw.configuration.config",
    "solution_slice": "tenzo.sw.report.slices",
    "train": "tenzo.sw.training.training",
    "write_comparison": "tenzo.sw.report.comparison_page",
    "write_report": "tenzo.sw.report.page",
}

try:
    __version__ = version("tenzo")
except PackageNotFoundError:  # a source tree on the path that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__", *sorted(_EXPORTS)]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562).

    Raises
    ------
    AttributeError
        The package has no public name ``name``.
    """
    if name not in _EXPORTS:
        raise AttributeError(f"module 'tenzo' has no attribute {name!r}")
    value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
