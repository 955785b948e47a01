"""PyTorch as a contender of ``tenzo bench host``: every form, each with the threads it likes best.

A family is one way to write the evaluation. Its variants differ in how many queries share a call
and in what the processors do: threads inside PyTorch's operations, one thread, or as many Python
threads as there are cores, each with part of the queries. The fastest variant of each family
enters the comparison.
"""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from tenzo.sw.benchmarks.cases import Case
from tenzo.sw.benchmarks.records import rate
from tenzo.sw.benchmarks.torch_forms import (
    batch_first,
    batch_first_einsum,
    innermost,
    merged,
    t3nsor_style,
)
from tenzo.sw.networks.float_stages import FloatStage

GROUPS = (1, 2, 4, 16)
"""Queries of a call with samples innermost."""

MERGES = {"pairs": (2, 2), "first, second, rest": (1, 1, 2), "all": (4,)}

_LOG = logging.getLogger(__name__)
_RECOMPILE_LIMIT = 64
_TRIAL_SECONDS = 0.04
_TRIALS = 5

Run = Callable[[Sequence[int]], list[Tensor]]
"""Evaluates some queries by their index; a tensor (queries, samples, outputs) for each call."""


@dataclass(frozen=True)
class Variant:
    """A family with a size of its calls and an arrangement of threads."""

    family: str
    details: str
    run: Run
    threads: int
    workers: int


class TorchPeers:
    """The forms of one case.

    Parameters
    ----------
    case : :class:`Case`
    cores : :class:`int`
        Threads to use at most.
    """

    def __init__(self, case: Case, cores: int) -> None:
        self.case, self.cores = case, cores
        self._pool = ThreadPoolExecutor(cores, initializer=_begin_worker)
        self._x = torch.from_numpy(case.x)
        self._xt = self._x.T.contiguous()
        self._weights = torch.from_numpy(case.weights)
        self._swings = torch.from_numpy(case.swings)
        self._signs = torch.from_numpy(case.signs)

    def contenders(self) -> dict[str, Callable[[], float]]:
        """Return the fastest variant of each family: name to a measurement in GMAC/s.

        Raises
        ------
        RuntimeError
            If one computes another function.
        """
        best: dict[str, tuple[float, Variant]] = {}
        for variant in self._variants():
            try:
                outputs = torch.cat(self.evaluate(variant))
            except Exception as error:  # noqa: BLE001 - compiling may fail in many ways
                _LOG.warning("%s is left out: %s", variant.family, _first_line(error))
                continue
            self.case.check(variant.family, outputs.numpy())
            speed = statistics.median(self.measure(variant, _TRIAL_SECONDS) for _ in range(_TRIALS))
            if speed > best.get(variant.family, (0.0, variant))[0]:
                best[variant.family] = speed, variant
        return {
            f"{family} ({variant.details})": partial(self.measure, variant)
            for family, (_, variant) in best.items()
        }

    def evaluate(self, variant: Variant) -> list[Tensor]:
        """Return the outputs of all queries, in order."""
        torch.set_num_threads(variant.threads)
        queries = range(len(self.case.queries))
        if variant.workers == 1:
            return variant.run(queries)
        share = -(-len(queries) // variant.workers)
        parts = [queries[first : first + share] for first in range(0, len(queries), share)]
        return [part for result in self._pool.map(variant.run, parts) for part in result]

    def measure(self, variant: Variant, seconds: float = 0.25) -> float:
        """Return GMAC/s of one variant, after a pause in which threads of others come to rest."""
        time.sleep(0.01)
        return rate(partial(self.evaluate, variant), self.case.macs / 1e9, seconds)

    def _variants(self) -> Iterator[Variant]:
        """Yield all variants."""
        stages, network = self.case.stages, self.case.network
        forms: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
            "torch-eager": partial(batch_first, stages),
            "torch-einsum": partial(batch_first_einsum, stages),
            "t3nsor-style": partial(t3nsor_style, network),
        }
        if tensorly := _tensorly(self.case):
            forms["tensorly-torch"] = tensorly
        for family, form in forms.items():
            run = partial(self._run_one_by_one, form)
            yield from self._threaded(family, "batch first, one query", run, pool=False)
        yield from self._grouped("torch-innermost", "", partial(innermost, stages), GROUPS)
        mapped: Any = torch.func.vmap(partial(batch_first, stages), in_dims=(0, None))
        run = partial(self._run_grouped, mapped, len(self.case.queries), False)
        yield from self._threaded("torch-vmap", "batch first, all queries", run)
        for words, groups in MERGES.items():
            form = partial(merged, network, groups)
            yield from self._grouped("torch-merged", f"cores merged: {words}, ", form, (1, 4, 16))
        yield from self._compiled()

    def _compiled(self) -> Iterator[Variant]:
        """Yield what ``torch.compile`` makes of samples innermost; it bakes in the threads."""
        torch._dynamo.reset()
        torch._dynamo.config.recompile_limit = _RECOMPILE_LIMIT
        for group in (1, 4, 16):
            for arrangement in range(1 + 2 * (self.cores > 1)):
                form = _compiled_form(self.case.stages, f"innermost_{group}_{arrangement}")
                variants = list(self._grouped("torch-compiled", "", form, (group,)))
                yield variants[arrangement]

    def _grouped(
        self, family: str, details: str, form: Callable[..., Tensor], groups: Sequence[int]
    ) -> Iterator[Variant]:
        """Yield a form with samples innermost, with groups of queries."""
        for group in groups:
            words = "1 query" if group == 1 else f"{group} queries"
            run = partial(self._run_grouped, form, group, True)
            yield from self._threaded(family, f"{details}{words}", run)

    def _threaded(
        self, family: str, details: str, run: Run, pool: bool = True
    ) -> Iterator[Variant]:
        """Yield a run with each arrangement of threads."""
        yield Variant(family, f"{details}, 1 thread", run, 1, 1)
        if self.cores > 1:
            yield Variant(family, f"{details}, {self.cores} threads", run, self.cores, 1)
        if self.cores > 1 and pool:
            words = f"{details}, {self.cores} Python threads"
            yield Variant(family, words, run, 1, self.cores)

    @torch.no_grad()
    def _run_one_by_one(
        self, form: Callable[[Tensor, Tensor], Tensor], queries: Sequence[int]
    ) -> list[Tensor]:
        """Perturb and evaluate one query at a time."""
        outputs = []
        for query in queries:
            weights = self._weights + self._signs[query] * self._swings[query]
            outputs.append(form(weights, self._x)[None])
        return outputs

    @torch.no_grad()
    def _run_grouped(
        self, form: Callable[..., Tensor], group: int, inner: bool, queries: Sequence[int]
    ) -> list[Tensor]:
        """Perturb and evaluate groups of queries."""
        outputs = []
        for first in range(queries[0], queries[0] + len(queries), group):
            chosen = slice(first, min(first + group, queries[0] + len(queries)))
            weights = self._weights + self._signs[chosen] * self._swings[chosen]
            result = form(weights, self._xt if inner else self._x)
            outputs.append(result.transpose(1, 2) if inner else result)
        return outputs


def _compiled_form(stages: Sequence[FloatStage], name: str) -> Callable[..., Tensor]:
    """Return the compiled :func:`innermost`; what is compiled is kept by the function's code."""

    def form(weights: Tensor, x: Tensor) -> Tensor:
        return innermost(stages, weights, x)

    code = form.__code__.replace(co_name=name)
    own = FunctionType(code, form.__globals__, name, None, form.__closure__)
    compiled: Callable[..., Tensor] = torch.compile(own, dynamic=False)
    return compiled


def _begin_worker() -> None:
    """Let a Python thread use one processor, and compile as often as the first one may."""
    torch.set_num_threads(1)
    torch._dynamo.config.recompile_limit = _RECOMPILE_LIMIT


def _tensorly(case: Case) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Return the network with the linear layers of TensorLy-Torch, if it is installed."""
    try:
        from tenzo.sw.benchmarks.tensorly_form import tensorly_outputs
    except ImportError:
        return None
    return partial(tensorly_outputs, case.network)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
