"""The loader of IDX files, on small files made here and on the real ones where they are named."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from tenzo.sw.data.mnist import load_mnist, read_idx
from tenzo.sw.errors import UserError

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
IMAGES = np.random.default_rng(6).integers(0, 256, (12, 3, 4), dtype=np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 10


def idx(array: np.ndarray) -> bytes:
    """An IDX file's bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of small files, two of them compressed."""
    contents = (idx(IMAGES), idx(LABELS), idx(IMAGES[:5]), idx(LABELS[:5]))
    for index, (name, content) in enumerate(zip(NAMES, contents, strict=True)):
        if index % 2:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (tmp_path / name).write_bytes(content)
    return tmp_path


def test_last_training_images_are_held_out(folder: Path) -> None:
    data = load_mnist(folder, validation_count=4)
    flat = IMAGES.reshape(12, 12) / 255
    assert data.train_x.tolist() == flat[:8].tolist()
    assert data.validation_x.tolist() == flat[8:].tolist()
    assert data.test_x.tolist() == flat[:5].tolist()
    assert data.train_y.tolist() == LABELS[:8].tolist()
    assert data.validation_y.tolist() == LABELS[8:].tolist()
    assert data.test_y.tolist() == LABELS[:5].tolist()


@pytest.mark.parametrize("axes", [1, 3])
def test_read_idx_returns_what_was_written(tmp_path: Path, axes: int) -> None:
    array = LABELS if axes == 1 else IMAGES
    (tmp_path / "file").write_bytes(idx(array))
    assert read_idx(tmp_path / "file", axes).tolist() == array.tolist()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data folder .*nowhere does not exist"):
        load_mnist(tmp_path / "nowhere")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"neither {NAMES[0]} nor {NAMES[0]}.gz"):
        load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing, not 00 00 08 03"),
        (b"\0\0\x08", "begins with 00 00 08, not 00 00 08 03"),
        (idx(LABELS), "begins with 00 00 08 01, not 00 00 08 03"),
        (b"\0\0\x0d\x03" + idx(IMAGES)[4:], "begins with 00 00 0d 03"),
        (idx(IMAGES)[:-1], r"holds 143 bytes for the shape \(12, 3, 4\), not 144"),
        (idx(IMAGES) + b"\0", "holds 145 bytes"),
        (idx(IMAGES[:0]), r"holds 0 bytes for the shape \(0, 3, 4\)"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "holds 0 bytes"),
        # The product of these lengths is 2^32 + 144.
        (
            b"\0\0\x08\x03" + struct.pack(">3I", 16, 268435465, 1) + bytes(144),
            r"holds 144 bytes for the shape \(16, 268435465, 1\)",
        ),
    ],
)
def test_a_damaged_file_is_named(folder: Path, content: bytes, message: str) -> None:
    (folder / NAMES[0]).write_bytes(content)
    with pytest.raises(UserError, match=f"{NAMES[0]} .*{message}.*copy it again"):
        load_mnist(folder, validation_count=4)


def test_a_damaged_gzip_file_is_named(folder: Path) -> None:
    path = folder / f"{NAMES[1]}.gz"
    whole = path.read_bytes()
    for bad in (b"", whole[:-9], b"text" + whole, whole[:12] + b"\xff" * 8 + whole[20:]):
        path.write_bytes(bad)
        with pytest.raises(UserError, match=f"{NAMES[1]}.gz .*copy it again"):
            load_mnist(folder, validation_count=4)


def test_counts_that_differ_are_named(folder: Path) -> None:
    (folder / NAMES[0]).write_bytes(idx(IMAGES[:11]))
    with pytest.raises(UserError, match=r"has 11 images and .* has 12 labels"):
        load_mnist(folder, validation_count=4)


def test_test_images_of_another_size_are_named(folder: Path) -> None:
    (folder / NAMES[2]).write_bytes(idx(IMAGES[:5, :2]))
    with pytest.raises(UserError, match=r"test has samples of \(8,\)"):
        load_mnist(folder, validation_count=4)


def test_too_few_training_images_are_named(folder: Path) -> None:
    with pytest.raises(UserError, match="12 training images are too few to hold out 5000"):
        load_mnist(folder)


def test_the_real_files_load() -> None:
    path = Path(os.environ.get("TENZO_DATA", "nowhere"))
    if not any(path.glob(f"{NAMES[0]}*")):
        pytest.skip("TENZO_DATA names no folder of MNIST files")
    data = load_mnist(path)
    assert data.train_x.shape == (55_000, 784)
    assert data.validation_x.shape == (5_000, 784)
    assert data.test_x.shape == (10_000, 784)
    assert data.test_y[:5].tolist() == [7, 2, 1, 0, 4]
    assert data.outputs == 10
    assert data.train_x.max() == 1.0
