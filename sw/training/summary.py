"""The result of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tenzo.sw.training.evaluation import peers_sentence, score_sentence


@dataclass(frozen=True)
class Summary:
    """Result of a finished run; ``summary.json`` holds the same, absent scores left out.

    ``forward_passes`` counts samples passed through the network in training, ``saturations``
    requantized values that saturated in training, per stage; ``macs`` and ``cycles`` are of one
    pass. ``train_seconds`` is the time of all steps, also of those before a resumption.
    """

    run: str
    name: str
    test_accuracy: float | None
    relative_l2: float | None
    test_loss: float
    validation_accuracy: float | None
    validation_relative_l2: float | None
    zero_network: float | None
    best_constant: float | None
    parameters: int
    steps: int
    forward_passes: int
    number_format: str
    device: str
    kernel: str
    command: str
    seed: int
    macs: int
    cycles: int
    clips: int
    saturations: list[int]
    weight_saturations: int
    train_seconds: float

    def sentence(self) -> str:
        """Return the test result in words, for example ``test accuracy: 95.3 %``."""
        sentence = score_sentence("test", self.test_accuracy, self.relative_l2)
        return sentence + peers_sentence(self.zero_network, self.best_constant)

    def document(self) -> dict[str, Any]:
        """Return the fields that are there, for JSON."""
        return {key: value for key, value in asdict(self).items() if value is not None}
