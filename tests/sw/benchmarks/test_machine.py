from pathlib import Path

import pytest

from tenzo.sw.benchmarks import machine
from tenzo.sw.errors import UserError


def test_versions_that_decide_the_numbers_are_named():
    facts = machine.describe_machine()
    assert {"processor", "cores used", "instruction sets", "load before", "numpy"} <= set(facts)
    assert {"torch", "compiler"} <= set(facts)


def test_model_of_the_processor_is_the_kernels_name_for_it(monkeypatch):
    text = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: Fast One\n\n"
    monkeypatch.setattr(Path, "read_text", lambda path: text)
    assert machine.processor() == "Fast One (family 25, model 17)"


def test_without_cpuinfo_python_names_the_processor(monkeypatch):
    def missing(path):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(machine.platform, "processor", lambda: "arm")
    assert machine.processor() == "arm"


def test_what_is_missing_is_said(monkeypatch):
    def missing():
        raise UserError("not there")

    monkeypatch.setattr(machine, "find_library", missing)
    monkeypatch.setattr(machine, "find_verilator", missing)
    monkeypatch.setattr(machine, "_PACKAGES", ("no-such-package",))
    facts = machine.describe_machine()
    assert facts["no-such-package"] == "not installed"
    assert facts["Verilator"] == "none"
    assert facts["instruction sets"].startswith("none")


@pytest.mark.parametrize("failure", [OSError, machine.subprocess.CalledProcessError(1, "git")])
def test_commit_is_unknown_outside_a_repository(failure, monkeypatch):
    def fail(*arguments, **settings):
        raise failure

    monkeypatch.setattr(machine.subprocess, "run", fail)
    assert machine.commit() == "unknown"
