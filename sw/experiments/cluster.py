"""Jobs side by side on dask.distributed: processes of this machine, or a cluster that runs."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tenzo.sw.errors import UserError
from tenzo.sw.experiments.jobs import Job, run_job

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
CONNECT_SECONDS = 10
_STOP_SECONDS = 60.0


def run_jobs(
    jobs: Sequence[Job],
    scheduler: str | None = None,
    tick: Callable[[int], None] = lambda finished: None,
    stop: Callable[[], None] = lambda: None,
) -> None:
    """Run jobs on a cluster; their outcomes are in their folders then.

    Parameters
    ----------
    jobs : sequence of :class:`Job`
        Independent of each other; what they compute does not depend on the number of workers.
    scheduler : :class:`str`, optional
        Address of a cluster; one worker for each core of this machine unless given.
    tick
        Called about ten times a second with the number of jobs that have ended; it may raise
        :class:`KeyboardInterrupt`.
    stop
        Called then: tells the jobs that run to end.

    Raises
    ------
    UserError
        If there is no cluster at the address, or a job ended with a user's slip.
    """
    with _connect(scheduler, len(jobs)) as client:
        futures = [client.submit(run_job, job, key=job.folder, retries=1) for job in jobs]
        try:
            _wait(futures, tick)
        except BaseException:
            stop()
            _end(client, futures)
            raise


def _wait(futures: Sequence[Any], tick: Callable[[int], None]) -> None:
    """Wait until all jobs have ended; then raise what the first of those that failed says."""
    pending, failed = list(futures), []
    while pending:
        for future in [future for future in pending if future.done()]:
            pending.remove(future)
            if (sentence := _sentence(future)) is not None:
                _LOG.warning("%s", sentence)
                failed.append(sentence)
        tick(len(futures) - len(pending))
        time.sleep(_POLL_SECONDS)
    if failed:
        more = f" ({len(failed) - 1} more runs failed)" if len(failed) > 1 else ""
        raise UserError(f"{failed[0]}{more}")


def _sentence(future: Any) -> str | None:
    """Return what a job that has ended says, if it failed."""
    try:
        sentence: str | None = future.result()
    except ModuleNotFoundError as error:
        raise UserError(f"a worker of the cluster lacks a package, install it: {error}") from error
    return sentence


def _end(client: Any, futures: Sequence[Any]) -> None:
    """Take back jobs that wait, and let those that run write their checkpoints."""
    running = {key for keys in client.processing().values() for key in keys}
    client.cancel([future for future in futures if future.key not in running])
    deadline = time.monotonic() + _STOP_SECONDS
    kept = [future for future in futures if future.key in running]
    while time.monotonic() < deadline and not all(future.done() for future in kept):
        time.sleep(_POLL_SECONDS)


@contextmanager
def _connect(scheduler: str | None, jobs: int) -> Iterator[Any]:
    """Yield a client of the cluster."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UserError(
            "tenzo experiment needs the package distributed: install it with pip install "
            "distributed"
        ) from error
    logging.getLogger("distributed").setLevel(logging.ERROR)
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            raise UserError(
                f"--scheduler {scheduler} cannot be reached: name the address of a scheduler that "
                "runs, for example tcp://127.0.0.1:8786"
            ) from error
        with client:
            yield client
        return
    workers = min(jobs, len(os.sched_getaffinity(0)) if _HAS_AFFINITY else os.cpu_count() or 1)
    with (
        dask.config.set({_ENVIRON: _worker_environ()}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.run(_ignore_interrupts)
        yield client


_ENVIRON = "distributed.nanny.pre-spawn-environ"


def _worker_environ() -> dict[str, Any]:
    """Return what a worker's environment gains, without dask's limit on memory that malloc keeps.

    With it malloc gives every array of more than 128 kB back and gets it anew, zeroed page by page:
    half of the processor's time of a sweep in floating point.
    """
    import dask

    environ = dict(dask.config.get(_ENVIRON))
    environ.pop("MALLOC_TRIM_THRESHOLD_", None)
    return environ


_HAS_AFFINITY = hasattr(os, "sched_getaffinity")


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started a worker, which tells it by a file to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
