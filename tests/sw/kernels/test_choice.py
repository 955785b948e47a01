"""Names of kernels, threads, and what happens where the compiled kernels are not built."""

from __future__ import annotations

import logging
import os

import pytest

from tenzo.sw.devices import kernel_name, open_device
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.kernels import choice, library
from tenzo.sw.kernels.choice import default_kernel, open_kernel, thread_count
from tenzo.sw.kernels.library import find_library

ENGINE = EngineParameters()


@pytest.fixture
def not_built(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    choice._announce.cache_clear()
    yield
    choice._announce.cache_clear()


@pytest.fixture
def narrow(monkeypatch):
    """The library on a machine that has the last path only."""
    built = find_library()
    last = built.working[-1:]
    monkeypatch.setattr(built, "working", last)
    return last[0]


def test_native_is_the_widest_path_that_works():
    widest = find_library().working[0]
    assert open_kernel("native", ENGINE).name == f"native {widest}"
    assert kernel_name(open_device("golden", ENGINE)) == f"native {widest}"


def test_every_path_can_be_forced():
    for path in find_library().working:
        assert open_kernel(path, ENGINE).name == f"native {path}"
        assert kernel_name(open_device("golden", ENGINE, path)) == f"native {path}"


def test_numpy_can_be_named():
    assert kernel_name(open_device("golden", ENGINE, "numpy")) == "numpy"


def test_an_unknown_kernel_is_refused_with_those_there_are():
    works = ", ".join(find_library().working)
    with pytest.raises(UserError) as error:
        open_kernel("avx1024", ENGINE)
    assert str(error.value) == f"kernel must be one of numpy, native, {works}, not 'avx1024'"


def test_a_path_that_the_machine_lacks_is_refused(narrow):
    assert default_kernel() == "native"
    assert open_kernel("native", ENGINE).name == f"native {narrow}"
    with pytest.raises(UserError, match=f"needs another processor: this one runs {narrow}$"):
        open_kernel(next(iter(find_library().paths)), ENGINE)


@pytest.mark.parametrize("name", ["native", "avx2", "nonsense"])
def test_only_numpy_can_be_named_where_nothing_is_built(not_built, name):
    with pytest.raises(UserError, match=f"kernel must be numpy here, not '{name}': .* not built"):
        open_kernel(name, ENGINE)
    assert open_kernel("numpy", ENGINE).name == "numpy"


def test_a_fallback_to_numpy_is_announced_once(not_built, caplog):
    with caplog.at_level(logging.WARNING, "tenzo"):
        for _ in range(3):
            assert kernel_name(open_device("golden", ENGINE)) == "numpy"
    (record,) = caplog.records
    assert record.message.startswith("NumPy computes, several times slower: the compiled kernels")


def test_a_kernel_goes_with_the_golden_device_alone(monkeypatch):
    with pytest.raises(UserError, match="kernel 'native' goes with device 'golden'"):
        open_device("verilator", ENGINE, "native")


def test_threads_are_the_processors_of_the_process(monkeypatch):
    monkeypatch.delenv("TENZO_THREADS", raising=False)
    assert thread_count() == len(os.sched_getaffinity(0))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 8})
    assert thread_count() == 3


def test_the_variable_sets_threads_and_an_argument_comes_before_it(monkeypatch):
    monkeypatch.setenv("TENZO_THREADS", "5")
    assert (thread_count(), thread_count(2)) == (5, 2)


@pytest.mark.parametrize("value", ["0", "-1", "two", "1025", "1.5"])
def test_bad_numbers_of_threads_are_refused(monkeypatch, value):
    monkeypatch.setenv("TENZO_THREADS", value)
    with pytest.raises(UserError, match=f"TENZO_THREADS must be 1 to 1024, not '{value}'"):
        open_device("golden", ENGINE)


def test_a_bad_argument_is_refused():
    with pytest.raises(UserError, match="threads must be 1 to 1024, not '0'"):
        open_kernel("numpy", ENGINE, threads=0)
