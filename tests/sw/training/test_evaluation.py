from typing import Any

import numpy as np
import pytest

from tenzo.sw.data.samples import load_samples
from tenzo.sw.device import Query
from tenzo.sw.devices import open_device
from tenzo.sw.training.evaluation import Evaluation, compute_outputs, evaluate
from tenzo.sw.training.losses import make_loss
from tenzo.sw.training.objective import MinibatchObjective
from tenzo.sw.training.trainer import Trainer
from tests.sw.runs_support import short_config


@pytest.fixture(scope="module")
def trainer():
    config = short_config()
    made = Trainer(config, open_device("golden", config.engine()), load_samples(config))
    made.start()
    made.device.write_parameters(made.weights_raw())
    return made


def test_outputs_do_not_depend_on_the_parts(trainer):
    samples = trainer.samples.train.samples_raw[:300]
    whole = compute_outputs(trainer.device, trainer.plan.program, samples)
    parts = [compute_outputs(trainer.device, trainer.plan.program, samples[i : i + 7])
             for i in range(0, 300, 7)]  # fmt: skip
    assert np.array_equal(whole, np.concatenate(parts))


class Dropping:
    """Device that leaves out the items of one query."""

    name = "dropping"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.device, name)

    def __init__(self, device, query, twice=False):
        self.device, self.query, self.twice = device, query, twice

    def evaluate(self, samples_raw, queries):
        for item in self.device.evaluate(samples_raw, queries):
            if item.query != self.query:
                yield item
                if self.twice:
                    yield item


def test_outputs_that_a_device_leaves_out_are_an_error(trainer):
    program, samples = trainer.plan.program, trainer.samples.train.samples_raw[:5]
    with pytest.raises(RuntimeError, match=r"dropping returned 0 of 5 outputs.*query 0, sample 0"):
        compute_outputs(Dropping(trainer.device, 0), program, samples)


@pytest.mark.parametrize("twice", [False, True])
def test_losses_of_a_query_that_a_device_leaves_out_are_an_error(trainer, twice):
    samples = trainer.samples.train
    objective = MinibatchObjective(
        Dropping(trainer.device, 1, twice), trainer.plan.program, trainer.loss,
        samples.samples_raw[:5].astype(np.int64), samples.targets[:5],
    )  # fmt: skip
    with pytest.raises(RuntimeError, match=r"returned 5 of 10 outputs.*query 1, sample 0"):
        objective.losses([Query(), Query()])


def test_scores_count_the_confusion_matrix(trainer):
    loss = make_loss("cross-entropy")
    result = evaluate(trainer.device, trainer.plan.program, trainer.samples.test, loss)
    assert result.confusion is not None
    assert result.confusion.sum() == 360
    assert result.accuracy == np.trace(result.confusion) / 360
    assert result.scores == {"accuracy": result.accuracy}


def test_work_can_be_stopped_between_parts(trainer):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_outputs(
            trainer.device, trainer.plan.program, trainer.samples.test.samples_raw, stop
        )


def test_sentences_name_the_split_and_the_score():
    assert Evaluation(0.1, accuracy=0.9534).sentence("test") == "test accuracy: 95.3 %"
    assert Evaluation(0.1, relative_l2=0.00934).sentence("test") == (
        "test relative L2 error: 9.340e-03"
    )
