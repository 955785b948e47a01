import logging

import pytest

from tenzo.sw.training import progress
from tenzo.sw.training.progress import Bar, Lines, QuietWhile, Silence, choose_reporter

RECORD = {"step": 10, "loss": 0.5, "validation_accuracy": 0.25}


class Stream:
    def __init__(self, terminal):
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def write(self, text):
        return len(text)

    def flush(self):
        pass


@pytest.fixture(autouse=True)
def news(caplog):
    caplog.set_level(logging.INFO, logger="tenzo")
    return caplog


@pytest.mark.parametrize(
    ("terminal", "kind", "reporter"),
    [
        (True, "xterm", Bar),
        (True, "dumb", Lines),
        (True, None, Lines),
        (False, "xterm", Lines),
    ],
)
def test_terminal_decides_between_bar_and_lines(monkeypatch, terminal, kind, reporter):
    monkeypatch.setattr(progress.sys, "stderr", Stream(terminal))
    monkeypatch.delenv("TERM", raising=False)
    if kind:
        monkeypatch.setenv("TERM", kind)
    assert type(choose_reporter()) is reporter


def test_quiet_run_reports_nothing(monkeypatch):
    logging.getLogger("tenzo").setLevel(logging.WARNING)
    monkeypatch.setattr(progress.sys, "stderr", Stream(True))
    assert type(choose_reporter()) is Silence


def test_line_holds_step_loss_and_score(news):
    lines = Lines()
    lines.begin(0, 20)
    lines.update(10)
    lines.record(RECORD)
    assert news.messages[0].startswith("step 10 of 20, loss 0.5000, validation accuracy 25.0 %, ")
    assert news.messages[0].endswith(" steps/s")


def test_lines_without_scores_are_rare(news):
    lines = Lines()
    lines.begin(0, 20)
    for step in range(5):
        lines.record({"step": step, "loss": 0.5})
    assert len(news.messages) == 1


def test_bar_keeps_the_latest_score():
    bar = Bar()
    with QuietWhile(bar):
        bar.begin(0, 20)
        bar.record(RECORD)
        bar.record({"step": 11, "loss": 0.25})
        bar.update(11)
        description = bar._progress.tasks[0].description
    assert description.startswith("loss 0.2500, validation accuracy 25.0 % ")
    assert bar._progress.finished or not bar._progress.live.is_started
