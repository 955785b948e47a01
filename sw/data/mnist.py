"""The MNIST data from a folder of IDX files."""

import gzip
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tenzo.sw.data.datasets import Dataset
from tenzo.sw.errors import MissingDataError, UserError

VALIDATION_COUNT = 5_000
"""Last training images, held out for validation."""

_FILES = {
    "train_x": ("train-images-idx3-ubyte", 3),
    "train_y": ("train-labels-idx1-ubyte", 1),
    "test_x": ("t10k-images-idx3-ubyte", 3),
    "test_y": ("t10k-labels-idx1-ubyte", 1),
}


def load_mnist(folder: Path, validation_count: int = VALIDATION_COUNT) -> Dataset:
    """Return MNIST, or other data in its format, with grey values 0 ... 255 over 255.

    Parameters
    ----------
    folder : :class:`pathlib.Path`
        Holds the four IDX files under their usual names, each plain or with ``.gz``.
    validation_count : :class:`int`
        Training images held out, the last ones of the file.

    Returns
    -------
    :class:`Dataset`
        Images flattened row by row; 55,000 for training, 5,000 for validation, 10,000 for test.

    Raises
    ------
    MissingDataError
        If the folder or a file is missing.
    UserError
        If a file is empty, truncated, of another format or another size.
    """
    arrays = {key: read_idx(_find(folder, stem), axes) for key, (stem, axes) in _FILES.items()}
    for split in ("train", "test"):
        images, labels = arrays[f"{split}_x"], arrays[f"{split}_y"]
        if len(images) != len(labels):
            raise UserError(
                f"{folder}: {_FILES[split + '_x'][0]} has {len(images)} images and "
                f"{_FILES[split + '_y'][0]} has {len(labels)} labels; copy the files again"
            )
    train_x, train_y = arrays["train_x"], arrays["train_y"]
    cut = len(train_x) - validation_count
    if cut < 1:
        raise UserError(
            f"{folder}: {len(train_x)} training images are too few to hold out "
            f"{validation_count} for validation; use the whole data set"
        )
    return Dataset(
        "mnist",
        _scaled(train_x[:cut]),
        train_y[:cut],
        _scaled(train_x[cut:]),
        train_y[cut:],
        _scaled(arrays["test_x"]),
        arrays["test_y"],
    )


def check_folder(folder: Path) -> None:
    """Raise :class:`MissingDataError` unless a folder holds the four files."""
    for stem, _ in _FILES.values():
        _find(folder, stem)


def _scaled(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    return images.reshape(len(images), -1) / 255.0


def _find(folder: Path, stem: str) -> Path:
    """Return the path of a file, plain or compressed."""
    if not folder.is_dir():
        raise MissingDataError(
            f"data folder {folder} does not exist; name the folder of the IDX files"
        )
    for path in (folder / stem, folder / f"{stem}.gz"):
        if path.is_file():
            return path
    raise MissingDataError(
        f"data folder {folder} has neither {stem} nor {stem}.gz; put the four MNIST files there"
    )


def read_idx(path: Path, axes: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of bytes.

    A file is 00 00 08, the number of axes, the length of each axis as a 32-bit big-endian integer,
    then the values in C order.

    Parameters
    ----------
    path : :class:`pathlib.Path`
        Plain, or compressed if its name ends in ``.gz``.
    axes : :class:`int`
        Number of axes that it must have.

    Returns
    -------
    :class:`numpy.ndarray`
        uint8 of the shape in the file.

    Raises
    ------
    UserError
        If the file is unreadable, empty, truncated, too long or of another format.
    """
    content = _content(path)
    header = 4 + 4 * axes
    magic = bytes([0, 0, 8, axes])
    if len(content) < header or content[:4] != magic:
        found = content[:4].hex(" ") or "nothing"
        raise UserError(
            f"{path} is no IDX file of {axes}-axis bytes: it begins with {found}, "
            f"not {magic.hex(' ')}; copy it again"
        )
    shape = tuple(int(length) for length in np.frombuffer(content[4:header], dtype=">u4"))
    size = int(np.prod(shape, dtype=object))
    if size == 0 or len(content) != header + size:
        raise UserError(
            f"{path} holds {len(content) - header} bytes for the shape {shape}, not {size}; "
            "copy it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _content(path: Path) -> bytes:
    """Return a file's bytes, decompressed."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                return file.read()
        return path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is not a whole gzip file ({error}); copy it again") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check it") from error
