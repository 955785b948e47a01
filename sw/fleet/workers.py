"""``--device dask:ADDRESS``: the devices of a cluster's workers, as one."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.device import CoordinateOutputs, Counters, Outputs, Query
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import LostDeviceError, UserError
from tenzo.sw.fleet.device import FleetDevice
from tenzo.sw.fleet.held import call_held
from tenzo.sw.planning.delta import Coordinate
from tenzo.sw.program import Program

IntArray = npt.NDArray[np.int64]

PREFIX = "dask:"
"""What the names of these devices begin with."""

CONNECT_SECONDS = 10
_POLL_SECONDS = 0.5


class WorkerDevice:
    """The device that a worker of a cluster holds for this program.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    client : :class:`distributed.Client`
    worker : :class:`str`
        Address of the worker.

    Raises
    ------
    UserError
        If the worker's device does not open.
    """

    def __init__(self, engine: EngineParameters, client: Any, worker: str) -> None:
        self.engine = engine
        self._client, self._worker = client, worker
        self._token = uuid.uuid4().hex
        self._call("open", engine)

    @property
    def name(self) -> str:
        """Name as written in a summary."""
        return PREFIX + self._worker

    def load_program(self, program: Program) -> None:
        """Load a stage program."""
        self._call("load_program", program)

    def write_parameters(self, parameters_raw: IntArray) -> None:
        """Write weights, then biases: raw integers of shape (parameter_count,)."""
        self._call("write_parameters", parameters_raw)

    def evaluate(self, samples_raw: IntArray, queries: Sequence[Query]) -> Iterator[Outputs]:
        """Run all queries on samples of shape (samples, inputs), raw activations."""
        yield from self._call("evaluate", samples_raw, queries)

    def evaluate_coordinates(
        self, samples_raw: IntArray, coordinates: Sequence[Coordinate]
    ) -> Iterator[CoordinateOutputs]:
        """Evaluate the network with one parameter changed, for every coordinate."""
        yield from self._call("evaluate_coordinates", samples_raw, coordinates)

    def read_counters(self) -> Counters:
        """Return the counters."""
        counters: Counters = self._call("read_counters")
        return counters

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self._call("clear_counters")

    def close(self) -> None:
        """Have the worker close the device."""
        self._call("close")

    def _call(self, method: str, *arguments: Any) -> Any:
        """Have the worker call a method of its device; wait for it as long as the worker lives."""
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        task = self._client.submit(
            call_held, self._token, method, *arguments, workers=[self._worker], pure=False
        )
        ended = threading.Event()
        task.add_done_callback(lambda _: ended.set())
        while not ended.wait(_POLL_SECONDS):
            if not task.done() and not self._lives():
                raise self._loss()
        try:
            return task.result()
        except (KilledWorker, FutureCancelledError) as error:
            raise self._loss() from error
        except ModuleNotFoundError as error:
            raise UserError(f"worker {self._worker} lacks a package: {error}") from error

    def _lives(self) -> bool:
        """Whether there is a scheduler that still knows the worker."""
        if self._client.status != "running":
            return False
        try:
            return self._worker in self._client.run_on_scheduler(_workers)
        except (OSError, AttributeError):  # the latter from a client whose scheduler just went
            return False

    def _loss(self) -> LostDeviceError:
        return LostDeviceError(f"worker {self._worker} or its scheduler has left the cluster")


class WorkersDevice(FleetDevice):
    """The devices of all workers that a cluster has when it is opened.

    Parameters
    ----------
    engine : :class:`EngineParameters`
    address : :class:`str`
        Address of the scheduler.

    Raises
    ------
    UserError
        If there is no cluster, it has no workers, or a worker's device does not open.
    """

    def __init__(self, engine: EngineParameters, address: str) -> None:
        with ExitStack() as opened:
            client = opened.enter_context(_connect(address))
            workers = sorted(client.run_on_scheduler(_workers))
            if not workers:
                raise UserError(
                    f"the cluster at {address} has no workers: start some, for example "
                    f"'dask worker {address} --nthreads 1'"
                )
            devices = []
            for worker in workers:
                devices.append(WorkerDevice(engine, client, worker))
                opened.callback(devices[-1].close)
            opened.pop_all()
        self._client = client
        super().__init__(engine, devices)

    def close(self) -> None:
        """Close all devices, and leave the cluster."""
        super().close()
        self._client.close()


def _connect(address: str) -> Any:
    """Return a client of a cluster."""
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.ERROR)
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, AssertionError) as error:  # the last from closing it half open
        raise UserError(
            f"there is no cluster at {address!r}: name the address of a scheduler that runs, for "
            "example dask:tcp://127.0.0.1:8786"
        ) from error


def _workers(dask_scheduler: Any) -> list[str]:
    """Return the addresses of the workers; runs on the scheduler."""
    return list(dask_scheduler.workers)
