import pytest

from tenzo.sw.benchmarks import cases, host
from tenzo.sw.benchmarks.records import Record
from tenzo.sw.golden.numpy_kernel import NumpyKernel
from tenzo.sw.kernels.library import NotBuiltError, find_library
from tests.sw.runs_support import run_tenzo


def record(contender, value):
    return Record("host", "case", contender, value, "GMAC/s", 5, value, value)


@pytest.fixture
def quick(monkeypatch):
    """One small case, one evaluation a measurement, no PyTorch."""
    monkeypatch.setattr(cases, "NAMES", ("digits",))
    monkeypatch.setattr(cases, "TRAINING_STEPS", 2)
    monkeypatch.setattr(host, "_PEAK_SIZE", 16)
    monkeypatch.setattr(host, "rate", lambda action, work: action() is not None and work)
    monkeypatch.setattr(host, "find_spec", lambda name: None)


def test_every_kernel_of_the_machine_is_a_contender(quick):
    names = [record.contender for record in host.run(1)]
    paths = [f"tenzo-{path}" for path in find_library().working[1:]]
    expected = ["tenzo", "tenzo-1-core", *paths, "tenzo-numpy", "numpy-float32", "sgemm-peak"]
    assert names == expected


def test_without_pytorch_one_line_says_how_to_get_it(quick):
    result = run_tenzo("bench", "host", "--repetitions", "1", "--json")
    assert result.exit_code == 0
    assert result.stderr.count("pip install -e .[bench]") == 1
    assert "torch-" not in result.stdout


def test_without_compiled_kernels_numpy_is_left(quick, monkeypatch):
    def missing():
        raise NotBuiltError("not built")

    monkeypatch.setattr(host, "find_library", missing)
    names = {record.contender for record in host.run(1)}
    assert names == {"tenzo-numpy", "numpy-float32", "sgemm-peak"}


def test_a_kernel_with_other_bits_is_refused(quick, monkeypatch):
    class Wrong(NumpyKernel):
        def evaluate(self, *arguments):
            for part in super().evaluate(*arguments):
                yield part._replace(outputs_raw=[outputs + 1 for outputs in part.outputs_raw])

    monkeypatch.setattr("tenzo.sw.kernels.native.NativeKernel", lambda engine, *_: Wrong(engine))
    with pytest.raises(RuntimeError, match="tenzo computes other bits on digits"):
        host.run(1)


def test_best_form_of_pytorch_stands_first_and_under_its_own_name():
    records = [
        record("tenzo", 9.0),
        record("torch-eager (1 thread)", 1.0),
        record("torch-compiled (2 threads)", 3.0),
        record("torch-merged (1 thread)", 2.0),
        record("numpy-float32", 4.0),
    ]
    found = [(record.contender, record.value) for record in host._with_best(records)]
    assert found == [
        ("tenzo", 9.0),
        ("torch-eager", 1.0),
        ("torch-best", 3.0),
        ("torch-compiled (2 threads)", 3.0),
        ("torch-merged (1 thread)", 2.0),
        ("numpy-float32", 4.0),
    ]
