import pytest

from tenzo.sw.configuration.overrides import apply_overrides, parse_value
from tenzo.sw.errors import UserError


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("true", True), ("[1, 4]", [1, 4]), ("relu", "relu"), ('"3"', "3")],
)
def test_value_is_toml_or_else_a_string(text, value):
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_override_reaches_into_tables_and_lists():
    document = {"network": {"layers": [{"ranks": 4}, {"ranks": 5}]}}
    changed = apply_overrides(document, ["network.layers.1.ranks=[1, 2, 1]", "training.seed=7"])
    assert changed == {
        "network": {"layers": [{"ranks": 4}, {"ranks": [1, 2, 1]}]},
        "training": {"seed": 7},
    }
    assert document == {"network": {"layers": [{"ranks": 4}, {"ranks": 5}]}}


def test_mapping_holds_values_as_they_are():
    ranks = [1, 2, 1]
    changed = apply_overrides({}, {"network": {"ranks": ranks}, "training.loss": "0.5"})
    assert changed == {"network": {"ranks": [1, 2, 1]}, "training": {"loss": "0.5"}}
    changed["network"]["ranks"].append(2)
    assert ranks == [1, 2, 1]


def test_key_of_a_mapping_that_leads_nowhere_is_refused():
    with pytest.raises(UserError, match=r"'name\.x=1' leads through a key that is no table"):
        apply_overrides({"name": "n"}, {"name.x": 1})


def test_later_override_wins():
    assert apply_overrides({}, ["a.b=1", "a.b=2"]) == {"a": {"b": 2}}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed", "key=value, not 'seed'"),
        ("a..b=1", "key=value"),
        ("name.x=1", "no table"),
        ("name.x.y=1", "no table"),
        ("layers.2.ranks=1", "from 0 to 1, not '2'"),
        ("layers.x=1", "from 0 to 1, not 'x'"),
    ],
)
def test_override_that_leads_nowhere_is_refused(override, message):
    with pytest.raises(UserError, match=message):
        apply_overrides({"name": "n", "layers": [{}, {}]}, [override])
