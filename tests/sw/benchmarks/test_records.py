import pytest

from tenzo.sw.benchmarks.records import Record, compare, rate, summarise
from tenzo.sw.benchmarks.tables import number, ratio, values


def record(contender, value, unit="steps/s"):
    return Record("bench", "case", contender, value, unit, 5, value, value)


def test_contenders_take_turns():
    calls = []

    def measure(name):
        calls.append(name)
        return float(len(calls))

    contenders = {name: lambda name=name: measure(name) for name in ("a", "b")}
    records = compare("bench", "case", "unit", contenders, 3)
    assert calls == ["a", "b"] * 3
    assert records == [
        Record("bench", "case", "a", 3.0, "unit", 3, 1.0, 5.0),
        Record("bench", "case", "b", 4.0, "unit", 3, 2.0, 6.0),
    ]


def test_value_is_the_median():
    assert summarise("bench", "case", "a", "s", [9.0, 1.0, 2.0]).value == 2.0


def test_rate_counts_actions_after_the_first(monkeypatch):
    times = iter([10.0, 10.0, 11.0, 12.0])
    monkeypatch.setattr("tenzo.sw.benchmarks.records.time.perf_counter", lambda: next(times))
    calls = []
    assert rate(lambda: calls.append(1), work=6.0, seconds=2.0) == 2 * 6.0 / 2.0
    assert len(calls) == 3


def test_ratio_is_of_the_first_contender():
    records = [record("a", 10.0), record("b", 4.0)]
    assert [ratio(records, item) for item in records] == ["", "2.50"]


def test_times_have_no_ratio():
    records = [record("a", 10.0, "s"), record("b", 4.0, "s")]
    assert ratio(records, records[1]) == ""


def test_other_units_have_no_ratio():
    records = [record("a", 10.0, "cycles/s"), record("b", 4.0)]
    assert ratio(records, records[1]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (0.5, "0.50"), (12.34, "12.3"), (99.99, "100.0"),
     (1234567.0, "1,234,567")],
)  # fmt: skip
def test_numbers_have_three_digits_or_all_before_the_point(value, text):
    assert number(value) == text


def test_shares_have_three_digits_behind_the_point():
    assert values(record("a", 99.98912, "% MAC cycles")) == ["99.989"] * 3
