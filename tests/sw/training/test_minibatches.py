import numpy as np
import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.training.minibatches import Minibatches


def test_every_epoch_uses_every_sample_once():
    minibatches = Minibatches(10, 4, seed=3)
    samples = np.concatenate([minibatches(step) for step in range(5)])
    assert sorted(samples[:10]) == list(range(10))
    assert sorted(samples[10:]) == list(range(10))
    assert list(samples[:10]) != list(samples[10:])


def test_step_alone_decides_the_minibatch():
    forwards = [Minibatches(10, 4, seed=3)(step).tolist() for step in range(9)]
    minibatches = Minibatches(10, 4, seed=3)
    backwards = [minibatches(step).tolist() for step in reversed(range(9))]
    assert forwards == backwards[::-1]


def test_seeds_give_other_orders():
    assert Minibatches(50, 50, 1)(0).tolist() != Minibatches(50, 50, 2)(0).tolist()


@pytest.mark.parametrize("batch", [0, 11])
def test_minibatch_larger_than_the_data_is_refused(batch):
    with pytest.raises(UserError, match=f"training.batch must be 1 to 10.*not {batch}"):
        Minibatches(10, batch, seed=1)
