"""The compiled kernels, opened with ctypes: structures, functions, and what this machine runs."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_double, c_int32, c_int64, c_uint32, c_void_p
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from tenzo.sw.errors import UserError

FOLDER = Path(__file__).parent
"""Where installation puts the library ``_native``."""


class EngineStruct(Structure):
    """``tenzo_engine`` of ``tenzo_kernels.h``."""

    _fields_ = (
        ("activation_width", c_int32),
        ("weight_width", c_int32),
        ("lfsr_width", c_int32),
        ("lfsr_taps", c_uint32),
        ("table_segments", c_int32),
        ("table_fraction_bits", c_int32),
        ("table_words", c_void_p),
    )


class StageStruct(Structure):
    """``tenzo_stage`` of ``tenzo_kernels.h``."""

    _fields_ = (
        ("counts", c_int32 * 6),
        ("input_base", c_int32),
        ("input_strides", c_int32 * 6),
        ("weight_base", c_int32),
        ("weight_strides", c_int32 * 6),
        ("output_base", c_int32),
        ("output_strides", c_int32 * 5),
        ("bias_base", c_int32),
        ("bias_strides", c_int32 * 5),
        ("shift", c_int32),
        ("bias_shift", c_int32),
        ("activation", c_int32),
        ("use_bias", c_int32),
        ("unit_weight", c_int32),
        ("to_results", c_int32),
        ("sample_input", c_int32),
    )


class ProgramStruct(Structure):
    """``tenzo_program`` of ``tenzo_kernels.h``."""

    _fields_ = (
        ("stage_count", c_int32),
        ("weight_count", c_int32),
        ("bias_count", c_int32),
        ("input_count", c_int32),
        ("output_count", c_int32),
        ("first_word", c_int32),
        ("word_count", c_int32),
    )


class QueryStruct(Structure):
    """``tenzo_query`` of ``tenzo_kernels.h``."""

    _fields_ = (
        ("sign", c_int32),
        ("epsilon_raw", c_int32),
        ("distribution", c_int32),
        ("bits", c_int32),
        ("seed", c_uint32),
        ("first", c_int32),
        ("last", c_int32),
        ("entry", c_int32),
        ("stop", c_int32),
    )


class SliceStruct(Structure):
    """``tenzo_slice`` of ``tenzo_kernels.h``."""

    _fields_ = (
        ("stage", c_int32),
        ("nest", StageStruct),
        ("inner", c_int32),
        ("stride", c_int32),
        ("jump", c_int32),
        ("is_exact", c_int32),
    )


class RowStruct(Structure):
    """``tenzo_row`` of ``tenzo_kernels.h``."""

    _fields_ = (
        ("own", c_int32),
        ("term_stride", c_int32),
        ("first", c_int32),
        ("count", c_int32),
        ("is_bias", c_int32),
    )


class CoordinateStruct(Structure):
    """``tenzo_coordinate`` of ``tenzo_kernels.h``."""

    _fields_ = (("row", c_int32), ("k", c_int32), ("address", c_int32), ("step", c_int32))


class NumericsStruct(Structure):
    """``tenzo_numerics`` of ``tenzo_kernels.h``."""

    _fields_ = (
        ("rounder", c_double),
        ("exp_low", c_double),
        ("steps_per_unit", c_double),
        ("step_high", c_double),
        ("step_low", c_double),
        ("sqrt_half", c_double),
        ("ln2_high", c_double),
        ("ln2_low", c_double),
        ("log_series", c_double * 9),
        ("exp_table", c_void_p),
    )


INTERFACE_SIZE = sum(
    ctypes.sizeof(structure)
    for structure in (
        EngineStruct,
        StageStruct,
        ProgramStruct,
        QueryStruct,
        SliceStruct,
        RowStruct,
        CoordinateStruct,
        NumericsStruct,
    )
)
"""A library whose sum is another was compiled from other sources."""

_SIGNATURES = {
    "tenzo_interface_size": (c_int32, ()),
    "tenzo_path_name": (c_char_p, (c_int32,)),
    "tenzo_path_works": (c_int32, (c_int32,)),
    "tenzo_open": (
        c_void_p,
        (POINTER(EngineStruct), POINTER(ProgramStruct), POINTER(StageStruct), c_int32, c_int32),
    ),
    "tenzo_close": (None, (c_void_p,)),
    "tenzo_write_parameters": (None, (c_void_p, c_void_p)),
    "tenzo_evaluate": (
        c_int32,
        (
            c_void_p,
            c_void_p,
            c_int64,
            POINTER(QueryStruct),
            c_int32,
            c_int32,
            c_void_p,
            c_void_p,
            c_void_p,
        ),
    ),
    "tenzo_sweep_open": (
        c_void_p,
        (
            c_void_p,
            POINTER(SliceStruct),
            c_int32,
            POINTER(RowStruct),
            c_int32,
            POINTER(c_int32),
            c_int32,
        ),
    ),
    "tenzo_sweep_close": (None, (c_void_p,)),
    "tenzo_sweep_load": (c_int32, (c_void_p, c_void_p, c_int64)),
    "tenzo_sweep_evaluate": (
        c_int32,
        (
            c_void_p,
            POINTER(CoordinateStruct),
            c_int32,
            c_void_p,
            c_void_p,
            POINTER(c_int64),
        ),
    ),
    "tenzo_sweep_cross_entropy": (
        c_int32,
        (
            c_void_p,
            c_void_p,
            POINTER(CoordinateStruct),
            c_int32,
            c_double,
            c_void_p,
            c_void_p,
            c_void_p,
            POINTER(c_int64),
        ),
    ),
    "tenzo_losses_open": (c_void_p, (POINTER(NumericsStruct), c_int32)),
    "tenzo_losses_close": (None, (c_void_p,)),
    "tenzo_cross_entropy": (
        c_int32,
        (
            c_void_p,
            c_void_p,
            POINTER(c_int64),
            POINTER(c_int64),
            c_double,
            c_void_p,
            c_void_p,
        ),
    ),
}


class NotBuiltError(UserError):
    """The compiled kernels are not there, or not those of this version."""


class Library:
    """An opened library of kernels.

    Parameters
    ----------
    path : :class:`~pathlib.Path`

    Attributes
    ----------
    functions : :class:`ctypes.CDLL`
        With the functions of ``tenzo_kernels.h``.
    paths : dict
        Index of every instruction-set path by its name, widest first.
    working : tuple of :class:`str`
        Those that this processor runs, widest first.

    Raises
    ------
    NotBuiltError
        If the file is no such library, or of another version.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.functions = ctypes.CDLL(str(path))
            for name, (result, arguments) in _SIGNATURES.items():
                function = getattr(self.functions, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise NotBuiltError(
                f"the compiled kernels cannot be loaded ({error}): install Tenzo again"
            ) from error
        if self.functions.tenzo_interface_size() != INTERFACE_SIZE:
            raise NotBuiltError(
                f"the compiled kernels in {path} are of another version: install Tenzo again"
            )
        self.paths: dict[str, int] = {}
        while name := self.functions.tenzo_path_name(len(self.paths)):
            self.paths[name.decode()] = len(self.paths)
        self.working = tuple(
            name for name, index in self.paths.items() if self.functions.tenzo_path_works(index)
        )


def find_library() -> Library:
    """Return the compiled kernels, opened once.

    Raises
    ------
    NotBuiltError
        If they are not built or cannot be used; the sentence says what to do.
    """
    for suffix in EXTENSION_SUFFIXES:
        path = FOLDER / f"_native{suffix}"
        if path.is_file():
            return _open(path)
    raise NotBuiltError(
        "the compiled kernels are not built: install a C++ compiler (the package 'g++'), then "
        "Tenzo again"
    )


@lru_cache(maxsize=4)
def _open(path: Path) -> Library:
    """Open a library, once for each path."""
    return Library(path)
