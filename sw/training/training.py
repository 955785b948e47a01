"""Training runs: the trainer's steps, with metrics, checkpoints and a summary in a folder."""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from tenzo.sw.configuration.config import Config
from tenzo.sw.data.samples import Samples, load_samples
from tenzo.sw.device import Device
from tenzo.sw.devices import kernel_name, number_format, open_device
from tenzo.sw.errors import DeviceError, InfiniteLossError
from tenzo.sw.training.evaluation import Evaluation, evaluate
from tenzo.sw.training.interruption import Interrupted, Interruption
from tenzo.sw.training.progress import QuietWhile, Reporter, Silence
from tenzo.sw.training.runs import RunFolder
from tenzo.sw.training.summary import Summary
from tenzo.sw.training.trainer import Trainer
from tenzo.sw.training.waveform import check_trace, trace_step

_LOG = logging.getLogger(__name__)
_MOST_SATURATED = 0.001
"""Share of a stage's values; beyond it a warning names the stage."""


def train(
    config: Config,
    device: Device | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    samples: Samples | None = None,
    reporter: Reporter | None = None,
    interruption: Interruption | None = None,
    command: str = "",
    kernel: str | None = None,
    trace: int | None = None,
) -> Summary:
    """Train a network and write its run directory.

    Parameters
    ----------
    config : :class:`Config`
    device : :class:`Device`, optional
        Made for ``config.engine()``; the golden model unless given.
    out : path, optional
        Folder of the run; ``runs/NAME-N`` unless given.
    resume : :class:`bool`
        Go on from the checkpoint in ``out``, or in the latest ``runs/NAME-N``. Weights and metrics
        come out as those of an unbroken run, bit for bit.
    samples : :class:`Samples`, optional
        The data; loaded as the configuration says unless given.
    reporter : :class:`Reporter`, optional
        Gets the news.
    interruption : :class:`Interruption`, optional
        Handler of signals that is already at work.
    command : :class:`str`
        Command line, for the summary.
    kernel : :class:`str`, optional
        What computes the golden model, as for ``--kernel``, where no device is given.
    trace : :class:`int`, optional
        Step to write a waveform of; the device must be able to.

    Raises
    ------
    UserError
        If data, network, engine or folder do not fit; nothing was written then.
    Interrupted
        After SIGINT or SIGTERM; the checkpoint is written.
    OSError
        If a file cannot be written; the old checkpoint is still there.
    """
    guard = Interruption() if interruption is None else nullcontext(interruption)
    with guard as interruption:
        path = Path(out) if out is not None else None
        try:
            run = _Run(config, device, path, resume, samples, interruption, kernel, trace)
        except KeyboardInterrupt:
            raise _interrupted(interruption, "before training began; nothing was written") from None
        run.command = command
        try:
            return run.finish(reporter or Silence())
        finally:
            run.folder.unlock()


class _Run:
    """One training run: a trainer, its folder and its clock."""

    command = ""

    def __init__(
        self,
        config: Config,
        device: Device | None,
        out: Path | None,
        resume: bool,
        samples: Samples | None,
        interruption: Interruption,
        kernel: str | None,
        trace: int | None,
    ) -> None:
        if not resume:
            RunFolder.check_new(out)
        self.config, self.interruption, self.trace = config, interruption, trace
        self.device = device or open_device("golden", config.engine(), kernel)
        interruption.check()
        self.samples = samples or load_samples(config)
        interruption.check()
        self.trainer = Trainer(config, self.device, self.samples)
        self.digest = config.digest()
        self.loss_sum, self.elapsed_seconds = 0.0, 0.0
        self.saved_step = -1
        self.warned = False
        self._open(out, resume)
        self._mark_time()

    def finish(self, reporter: Reporter) -> Summary:
        """Make the remaining steps, evaluate, and write the summary."""
        try:
            with QuietWhile(reporter):
                self._make_steps(reporter)
                self._save()
                return self._summarise()
        except KeyboardInterrupt:
            self._save()
            raise _interrupted(
                self.interruption,
                f"at step {self.trainer.step} of {self.config.training.steps}: the checkpoint is "
                f"in {self.folder.path}, go on with --resume",
            ) from None
        except (DeviceError, InfiniteLossError) as error:
            kept = f"{error}; the checkpoint of step {self.saved_step} is in {self.folder.path}"
            if isinstance(error, DeviceError):
                raise type(error)(f"{kept}, go on with --resume") from None
            raise InfiniteLossError(f"{kept}, a new run needs other values") from None

    def _open(self, out: Path | None, resume: bool) -> None:
        """Make or open the folder, and bring the trainer to where the run stands."""
        arrays = None
        if resume:
            self.folder = RunFolder.resume(self.config, out)
            arrays = self.folder.restore(self.digest, self.samples.digest)
        if arrays is None:
            self.trainer.start()
        else:
            self.trainer.load_state(arrays)
            self.loss_sum = float(arrays["loss_sum"])
            self.elapsed_seconds = float(arrays["elapsed_seconds"])
            self.saved_step = self.trainer.step
        check_trace(self.trace, self.trainer.step, self.config.training.steps)
        if not resume:
            self.interruption.check()
            self.folder = RunFolder.create(self.config, out)
        if arrays is None:
            self._save()

    def _make_steps(self, reporter: Reporter) -> None:
        """Run all remaining steps, with their records and checkpoints."""
        training = self.config.training
        reporter.begin(self.trainer.step, training.steps)
        self._mark_time()
        while self.trainer.step < training.steps:
            self.interruption.check()
            step = self.trainer.step + 1
            traced = step == self.trace
            with trace_step(self.device, self.folder.path, step) if traced else nullcontext():
                self.loss_sum += self.trainer.run_step()
            last = step == training.steps
            if last or step % training.log_steps == 0:
                record = self._record(step, last)
                self.folder.append(record)
                reporter.record(record)
            reporter.update(step)
            if self._save_due(step):
                self._save()

    def _record(self, step: int, last: bool) -> dict[str, Any]:
        """Return a record of the metrics, with scores where an evaluation is due."""
        training, trainer = self.config.training, self.trainer
        if not (self.warned or last):
            self._warn_of_saturation()
        steps = step % training.log_steps or training.log_steps
        record: dict[str, Any] = {
            "step": step,
            "loss": self.loss_sum / steps,
            "learning_rate": trainer.phases.rate(step - 1),
            "forward_passes": trainer.forward_passes,
            "saturations": int(trainer.meter.saturations.sum()),
            "weight_saturations": trainer.meter.weight_saturations,
            "clips": trainer.clips,
        }
        if trainer.phases.is_hybrid:
            record["phase"] = trainer.phases.number
        self.loss_sum = 0.0
        every = training.evaluate_steps
        if last or (every and step // every > (step - steps) // every):
            result = self._evaluate("validation")
            record["validation_loss"] = result.loss
            trainer.phases.note_validation(step, result.loss)
            record.update({f"validation_{key}": value for key, value in result.scores.items()})
        self._mark_time()
        record["elapsed_seconds"] = self.elapsed_seconds
        return record

    def _evaluate(self, split: str) -> Evaluation:
        """Score the present weights; what the device counts meanwhile is not the training's."""
        trainer = self.trainer
        self.device.write_parameters(trainer.evaluated_raw())
        between = self.interruption.check if split == "test" else (lambda: None)
        result = evaluate(
            self.device, trainer.plan.program, getattr(self.samples, split), trainer.loss, between
        )
        self.device.clear_counters()
        return result

    def _summarise(self) -> Summary:
        """Score the final weights and write the summary."""
        self._warn_of_saturation()
        validation, test = self._evaluate("validation"), self._evaluate("test")
        trainer, training = self.trainer, self.config.training
        summary = Summary(
            run=str(self.folder.path),
            name=self.config.name,
            test_accuracy=test.accuracy,
            relative_l2=test.relative_l2,
            test_loss=test.loss,
            validation_accuracy=validation.accuracy,
            validation_relative_l2=validation.relative_l2,
            zero_network=test.zero_network,
            best_constant=test.best_constant,
            parameters=trainer.size,
            steps=trainer.step,
            forward_passes=trainer.forward_passes,
            number_format=number_format(self.device),
            device=self.device.name,
            kernel=kernel_name(self.device),
            command=self.command,
            seed=training.seed,
            macs=trainer.plan.macs,
            cycles=trainer.plan.cycles,
            clips=trainer.clips,
            saturations=trainer.meter.saturations.tolist(),
            weight_saturations=trainer.meter.weight_saturations,
            train_seconds=self.elapsed_seconds,
        )
        self.folder.write_summary(summary.document())
        return summary

    def _warn_of_saturation(self) -> None:
        """Say which stage saturated most, if that was often enough to spoil the losses."""
        shares = self.trainer.saturated_shares()
        stage = int(shares.argmax())
        if shares[stage] > _MOST_SATURATED:
            self.warned = True
            _LOG.warning(
                "%.1f %% of the values of stage %d saturated in %d steps of training: raise "
                "training.headroom_bits or training.calibration_samples",
                *(100 * shares[stage], stage, self.trainer.step),
            )

    def _save_due(self, step: int) -> bool:
        """Return whether it is time for a checkpoint."""
        every = self.config.training.checkpoint_steps
        if every and step % every == 0:
            return True
        return time.perf_counter() - self._saved_at >= self.config.training.checkpoint_seconds

    def _save(self) -> None:
        """Write the checkpoint, unless it holds this step already."""
        self._saved_at = time.perf_counter()
        if self.saved_step == self.trainer.step:
            return
        self._mark_time()
        arrays = self.trainer.state()
        arrays["loss_sum"] = np.array(self.loss_sum)
        arrays["elapsed_seconds"] = np.array(self.elapsed_seconds)
        arrays["data_digest"] = np.frombuffer(self.samples.digest.encode(), np.uint8)
        self.folder.save(arrays, self.digest)
        self.saved_step = self.trainer.step

    _clock = _saved_at = 0.0

    def _mark_time(self) -> None:
        """Add the time since the last mark to the run's, which stands still between processes."""
        now = time.perf_counter()
        if self._clock:
            self.elapsed_seconds += now - self._clock
        self._clock = now


def _interrupted(interruption: Interruption, sentence: str) -> Interrupted:
    number = interruption.number or signal.SIGINT
    return Interrupted(number, f"stopped by {signal.Signals(number).name} {sentence}")
