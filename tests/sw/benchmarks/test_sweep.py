import numpy as np
import pytest

from tenzo.sw.benchmarks import sweep


@pytest.fixture
def quick(monkeypatch):
    """The preset digits, eight samples, no training."""
    monkeypatch.setattr(sweep, "PRESET", "digits")
    monkeypatch.setattr(sweep, "BATCH", 8)
    monkeypatch.setattr(sweep, "TRAINING_STEPS", 0)


def test_structured_evaluation_stands_beside_whole_networks(quick, monkeypatch):
    parts = []

    def seconds(action):
        parts.append(len(action()))
        return 0.5

    monkeypatch.setattr(sweep, "_seconds", seconds)
    records = sweep.run(1)
    assert [record.contender for record in records] == ["tenzo", "from-scratch"]
    assert [record.value for record in records] == [2, 2 / sweep.PARTS]
    assert parts[0] == sum(parts[1:]) == 826


def test_other_bits_are_no_measurement(quick, monkeypatch):
    monkeypatch.setattr(sweep.Sweep, "structured", lambda self: np.zeros(826))
    with pytest.raises(RuntimeError, match="computes other bits than whole networks"):
        sweep.run(1)
