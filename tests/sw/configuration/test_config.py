import re

import pytest

from tenzo.sw.configuration.config import load_config, preset_names
from tenzo.sw.configuration.tables import DataTable
from tenzo.sw.engine import EngineParameters
from tenzo.sw.errors import UserError
from tenzo.sw.networks.network import Dense, TensorTrain
from tenzo.sw.planning.planner import plan
from tenzo.sw.program import Activation


def test_presets_are_the_networks_of_the_project():
    counts = {name: load_config(name).network().parameter_count for name in preset_names()}
    images = {"digits": 826, "mnist": 1504, "mnist-cge": 1504, "mnist-1024": 3962}
    images["mnist-1024-cge"] = 3962
    assert counts == {**images, "hjb20": 1929, "black-scholes": 833, "poisson10": 1697}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_fits_its_engine(name):
    config = load_config(name)
    planned = plan(config.network(), config.engine())
    assert planned.parameter_count == config.network().parameter_count


def test_layers_are_built_as_written():
    first, second = load_config("digits").network().layers
    assert first.form == TensorTrain((4, 4, 4), (4, 4, 4), (1, 4, 4, 1))
    assert (first.bias, first.activation) == (True, Activation.RELU)
    assert second.form == TensorTrain((4, 4, 4), (1, 5, 2), (1, 4, 4, 1))
    assert (second.bias, second.activation) == (True, Activation.NONE)


def test_dense_layer_needs_no_modes(tmp_path):
    file = tmp_path / "net.toml"
    file.write_text(
        "network.layers = [{inputs = 3, outputs = 2, dense = true}]\n"
        "training = {steps = 1, batch = 1, learning_rate = 0.1}\n"
    )
    config = load_config(file)
    assert config.network().layers[0].form == Dense()
    assert config.name == "net"


@pytest.mark.parametrize("name", preset_names())
def test_written_configuration_loads_to_the_same(name, tmp_path):
    config = load_config(name, ["training.optimiser={name='momentum', beta=0.5}"])
    (tmp_path / "config.toml").write_text(config.toml())
    loaded = load_config(tmp_path)
    assert loaded == config
    assert loaded.digest() == config.digest()


def test_absent_sizes_are_the_next_power_of_two():
    sizes = ("lane_depth", "weight_depth", "bias_depth", "stage_slots", "result_depth")
    written = load_config("digits")
    table = written.engine_table.model_copy(update=dict.fromkeys(sizes))
    engine = written.model_copy(update={"engine_table": table}).engine()
    assert [getattr(engine, size) for size in sizes] == [1024, 1024, 128, 8, 16]


def test_digest_covers_what_decides_the_bits():
    digest = load_config("digits").digest()
    for override in (
        "training.steps=7",
        "training.seed=2",
        "training.epsilon=0.02",
        "formats.weight.frac_bits=13",
        "network.layers.0.ranks=3",
        "training.evaluate_steps=500",
        "training.log_steps=50",
        "engine.lfsr={width=31, taps=0x48000000}",
    ):
        assert load_config("digits", [override]).digest() != digest, override


def test_digest_leaves_out_lanes_data_folder_and_checkpoints():
    digest = load_config("digits").digest()
    for override in (
        "engine.lane_count=3",
        "training.checkpoint_steps=5",
        "training.checkpoint_seconds=5.0",
        "name=other",
        "data={npz='elsewhere.npz'}",
    ):
        assert load_config("digits", [override]).digest() == digest, override


def test_paths_to_data_are_relative_to_the_file(tmp_path):
    text = load_config("digits").toml().replace('preset = "digits"', 'npz = "mine.npz"')
    (tmp_path / "net.toml").write_text(text)
    assert load_config(tmp_path / "net.toml").data == DataTable(npz=str(tmp_path / "mine.npz"))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.batsh=1", "training.batsh is no key of a configuration: did you mean 'batch'?"),
        ("trainin.batch=1", "trainin is no key of a configuration: did you mean 'training'?"),
        (
            "formats.weight.frac=1",
            "formats.weight.frac is no key of a configuration: did you mean 'frac_bits'?",
        ),
        (
            "network.layers.1.rank=1",
            "network.layers[1].rank is no key of a configuration: did you mean 'ranks'?",
        ),
        (
            "engine.xyzzy=1",
            "engine.xyzzy is no key of a configuration: use one of bias_depth, lane_count, "
            "lane_depth, lfsr, max_bits, requantizer_sharing, result_depth, stage_slots, "
            "table_frac_bits, table_segment_bits, table_units, weight_depth",
        ),
        ("training.batch=0", "training.batch must be at least 1, not 0"),
        ("training.batch=1.5", "training.batch must be an integer, not 1.5"),
        ("training.batch=many", "training.batch must be an integer, not 'many'"),
        ("training.epsilon=-1.0", "training.epsilon must be more than 0, not -1.0"),
        ("training.epsilon=inf", "training.epsilon must be a finite number, not inf"),
        (
            "training.distribution=gauss",
            "training.distribution must be rademacher, uniform or binomial, not 'gauss'",
        ),
        ("training=3", "training must be a table, not 3"),
        ("network.layers=[]", "network.layers must be a list of at least 1, not []"),
        ("network.layers.0.bias=1", "network.layers[0].bias must be true or false, not 1"),
        (
            "network.layers.0.activation=sin",
            "network.layers[0].activation must be none, relu, sine or tanh, not 'sin'",
        ),
        (
            "training.seed=0",
            "training.seed must be 1 or more, not 0: a register seeded with zero stays zero",
        ),
        ("training.bits=3", "training.bits must be 1 for 'rademacher', not 3"),
        (
            "training.optimiser={name='sgd', beta1=0.5}",
            "training.optimiser 'sgd' has no option 'beta1'; its options: none",
        ),
        (
            "data={preset='digits', mnist=true}",
            "data must hold exactly one of preset, mnist, npz and entry_point, "
            "not preset and mnist",
        ),
        ("name=a/b", "name must be letters, digits, '_', '.' or '-', a letter or digit first, "
         "not 'a/b'"),
    ],
)  # fmt: skip
def test_error_names_key_value_and_remedy(override, sentence):
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        load_config("digits", [override])


def test_missing_key_is_named(tmp_path):
    (tmp_path / "a.toml").write_text("network.layers = [{inputs = 1, outputs = 1, dense = true}]")
    with pytest.raises(UserError, match=r"^training is missing: add it to the configuration$"):
        load_config(tmp_path / "a.toml")


def test_unknown_preset_lists_presets():
    with pytest.raises(UserError, match=r"did you mean 'digits'.*digits, hjb20, mnist, mnist-1024"):
        load_config("digit")


def test_file_that_is_no_toml_is_named(tmp_path):
    (tmp_path / "a.toml").write_text("a = = 1")
    with pytest.raises(UserError, match=r"a.toml is no valid TOML.*line 1"):
        load_config(tmp_path / "a.toml")


def test_missing_file_is_named():
    with pytest.raises(UserError, match=r"there/no.toml does not exist"):
        load_config("there/no.toml")


def test_sine_gets_a_table_that_costs_no_cycle():
    config = load_config("digits", ["network.layers.0.activation=sine", "engine.lane_count=64"])
    engine = config.engine()
    assert (engine.table_units, engine.table_frac_bits, engine.table_segment_bits) == (4, 12, 9)
    assert engine.table.error_bound < 4 / 3
    assert (
        plan(config.network(), engine).cycles - 64
        < plan(
            load_config("digits", ["engine.lane_count=64"]).network(),
            EngineParameters(lane_count=64),
        ).cycles
    )


def test_a_network_without_sine_gets_no_table():
    assert load_config("digits").engine().table_units == 0


def test_the_tables_format_decides_the_digest_only_if_it_is_used():
    plain = load_config("digits").digest()
    assert load_config("digits", ["engine.table_frac_bits=11"]).digest() == plain
    sine = "network.layers.0.activation=sine"
    digests = {
        load_config("digits", [sine, *more]).digest()
        for more in ([], ["engine.table_frac_bits=11"], ["engine.table_segment_bits=8"])
    }
    assert len(digests) == 3
    assert load_config("digits", [sine, "engine.table_units=3"]).digest() in digests
