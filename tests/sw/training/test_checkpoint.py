import errno
import os

import numpy as np
import pytest

from tenzo.sw.errors import UserError
from tenzo.sw.training import checkpoint
from tenzo.sw.training.checkpoint import load_checkpoint, save_checkpoint, write_atomically

ARRAYS = {"weights": np.linspace(-1, 1, 50), "step": np.array(7)}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, ARRAYS, "abc")
    return path


def test_loaded_arrays_are_the_saved_ones(path):
    loaded = load_checkpoint(path, "abc")
    assert loaded.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert loaded[name].dtype == array.dtype
        assert np.array_equal(loaded[name], array)


def test_reader_of_the_old_file_is_not_disturbed(path):
    with open(path, "rb") as reader:
        good = path.read_bytes()
        save_checkpoint(path, {"weights": np.zeros(3)}, "abc")
        assert reader.read() == good
    assert os.listdir(path.parent) == [path.name]


def test_same_contents_give_the_same_bytes(path):
    first = path.read_bytes()
    save_checkpoint(path, ARRAYS, "abc")
    assert path.read_bytes() == first


def load_or_none(path):
    """Arrays of a checkpoint, or None if it is said to be damaged."""
    try:
        return load_checkpoint(path, "abc")
    except UserError as error:
        return None if "is damaged" in str(error) else {}


def test_every_changed_byte_is_noticed_or_harmless(path):
    good = path.read_bytes()
    for position in range(0, len(good), 7):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x10]) + good[position + 1 :])
        loaded = load_or_none(path)
        # Some bytes of the archive, such as times, carry no contents.
        assert loaded is None or np.array_equal(loaded["weights"], ARRAYS["weights"]), position


@pytest.mark.parametrize("length", [0, 1, 100, 700])
def test_truncated_file_is_damaged(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match="is damaged: restore it"):
        load_checkpoint(path)


def test_pickles_are_not_loaded(path):
    np.savez(path, weights=np.array([print], dtype=object))
    with pytest.raises(UserError, match="is damaged"):
        load_checkpoint(path)


def test_array_put_in_place_of_another_is_damaged(path):
    with np.load(path) as file:
        contents = dict(file)
    np.savez(path, **{**contents, "weights": contents["weights"] + 1})
    with pytest.raises(UserError, match="is damaged"):
        load_checkpoint(path)


def test_checkpoint_of_another_configuration_is_refused(path):
    with pytest.raises(UserError, match=r"another configuration .hash abc, not xyz."):
        load_checkpoint(path, "xyz")


def test_checkpoint_of_another_version_is_refused(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT_VERSION", 2)
    with pytest.raises(UserError, match="another version"):
        load_checkpoint(path)


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none.npz does not exist"):
        load_checkpoint(tmp_path / "none.npz")


def test_full_disk_leaves_the_old_file_and_nothing_else(path):
    good = path.read_bytes()

    def fill(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(path, fill)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == good
    assert os.listdir(path.parent) == [path.name]


def test_interrupt_while_writing_leaves_the_old_file(path):
    good = path.read_bytes()

    def stop(file):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, stop)
    assert path.read_bytes() == good
    assert os.listdir(path.parent) == [path.name]
