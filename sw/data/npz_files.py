"""Reading ``.npz`` archives that may be anyone's: no pickles, every fault one sentence."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenzo.sw.errors import MissingDataError, UserError


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays of an ``.npz`` file.

    Raises
    ------
    MissingDataError
        If there is no such file.
    UserError
        If the file is unreadable, damaged, no ``.npz`` file, or holds pickled objects,
        which are never loaded because they can run code.
    """
    if not path.is_file():
        kind = UserError if path.exists() else MissingDataError
        raise kind(f"{path} is not a file; name an .npz file made with numpy.savez")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        with np.load(path, allow_pickle=False) as arrays:
            return {Path(name).stem: arrays[name] for name in names if name.endswith(".npy")}
    except PermissionError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); change its rights") from error
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise UserError(
                f"{path} holds pickled objects, which can run code and are not loaded; "
                "save plain arrays of numbers"
            ) from error
        raise UserError(f"{path} is damaged ({error}); make it again") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError) as error:
        raise UserError(f"{path} is not a whole .npz file ({error}); make it again") from error
