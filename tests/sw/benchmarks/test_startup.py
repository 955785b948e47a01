import pytest

from tenzo.sw.benchmarks import startup


def test_commands_are_timed_beside_python(monkeypatch):
    monkeypatch.setattr(startup, "seconds", lambda arguments: float(len(arguments)))
    records = startup.run(2)
    assert [record.contender for record in records] == list(startup.COMMANDS)
    assert {record.unit for record in records} == {"s"}


def test_a_command_that_fails_is_no_measurement():
    with pytest.raises(RuntimeError, match="status 3"):
        startup.seconds(("-c", "raise SystemExit(3)"))


def test_help_is_a_command_that_works():
    assert startup.seconds(startup.COMMANDS["tenzo --help"]) > 0
