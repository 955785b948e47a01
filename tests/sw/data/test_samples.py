import logging

import numpy as np
import pytest

from tenzo.sw.configuration.tables import DataTable
from tenzo.sw.data.datasets import Dataset
from tenzo.sw.data.samples import load_samples, quantize_dataset, with_data_folder
from tenzo.sw.errors import UserError
from tenzo.sw.formats import Format
from tests.sw.runs_support import short_config

X = np.linspace(-1.5, 1.5, 40).reshape(20, 2)
Y = np.arange(20) % 3


def dataset(x=X, y=Y):
    return Dataset("made", x, y, X, Y, X, Y)


@pytest.mark.parametrize(("width", "dtype"), [(8, np.int8), (9, np.int16), (24, np.int32)])
def test_samples_are_rounded_into_the_smallest_type(width, dtype):
    split = quantize_dataset(dataset(), Format(width, width - 4)).train
    assert split.samples_raw.dtype == dtype
    assert np.array_equal(split.samples_raw, Format(width, width - 4).quantize(X))


def test_digest_follows_numbers_and_targets():
    digests = {
        quantize_dataset(dataset(*arrays), Format(16, 13)).digest
        for arrays in ((X, Y), (X + 0.5, Y), (X, Y[::-1]), (X, Y))
    }
    assert len(digests) == 3


def test_many_numbers_out_of_range_are_refused():
    with pytest.raises(UserError, match=r"made: 40 of 40 numbers of train are outside.*scale them"):
        quantize_dataset(dataset(X + 6), Format(16, 13))


def test_few_numbers_out_of_range_are_told(caplog):
    x = np.tile(X, (10, 1))
    x[0, 0] = 5.0
    with caplog.at_level(logging.WARNING):
        quantize_dataset(dataset(x, np.tile(Y, 10)), Format(16, 13))
    assert "1 of 400 numbers of train" in caplog.text


def test_targets_beyond_every_output_are_refused():
    y = np.array([0.0, -(2.0**31), 2.0**31]).repeat(10)[:20, None]
    quantize_dataset(Dataset("made", X, y, X, y, X, y), Format(16, 13))
    for value in (-1e200, np.nextafter(2.0**31, np.inf)):
        beyond = np.where(y == 0, value, y)
        with pytest.raises(UserError, match=r"made: targets of test reach .* scale the targets"):
            quantize_dataset(Dataset("made", X, y, X, y, X, beyond), Format(16, 13))


def test_upper_end_of_the_range_is_inside():
    quantize_dataset(dataset(np.full((20, 2), 4.0)), Format(16, 13))


def test_data_folder_comes_from_option_then_variable_then_file(monkeypatch):
    config = short_config("data={mnist='/file'}")
    monkeypatch.delenv("TENZO_DATA", raising=False)
    assert with_data_folder(config, None).data == DataTable(mnist="/file")
    monkeypatch.setenv("TENZO_DATA", "/variable")
    assert with_data_folder(config, None).data == DataTable(mnist="/variable")
    assert with_data_folder(config, "/option").data == DataTable(mnist="/option")


def test_data_folder_holds_the_npz_file():
    config = short_config("data={npz='/there/mine.npz'}")
    assert with_data_folder(config, "/here").data == DataTable(npz="/here/mine.npz")
    assert with_data_folder(config, None).data == DataTable(npz="/there/mine.npz")


@pytest.mark.parametrize("data", ["{mnist=true}", "{npz='/no.npz'}", "{mnist='FOLDER'}"])
def test_data_that_is_not_there_is_made_up(data, tmp_path):
    config = short_config(f"data={data.replace('FOLDER', str(tmp_path))}")
    assert load_samples(config, made_up=True).name == "synthetic"


def test_damaged_data_is_never_made_up(tmp_path):
    x = np.zeros((50, 64))
    np.savez(tmp_path / "whole.npz", x=x, y=np.zeros(50, np.int64))
    x[3, 3] = np.nan
    np.savez(tmp_path / "nan.npz", x=x, y=np.zeros(50, np.int64))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-100])
    for name, words in (("nan", "holds NaN"), ("cut", "is not a whole .npz file")):
        with pytest.raises(UserError, match=words):
            load_samples(short_config(f"data={{npz='{tmp_path}/{name}.npz'}}"), made_up=True)
    with pytest.raises(UserError, match="no_module"):
        load_samples(short_config("data={entry_point='no_module:f'}"), made_up=True)


def test_missing_data_is_made_up_on_request_only(caplog):
    config = short_config("data={mnist='/nowhere'}")
    with pytest.raises(UserError, match="/nowhere does not exist"):
        load_samples(config)
    samples = load_samples(config, made_up=True)
    assert samples.train.samples_raw.shape[1] == 64
    assert "synthetic" in caplog.text
