"""The compiled kernels of the golden model; everything else is in pyproject.toml."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = Path("sw/kernels/cpp")
UNIX_FLAGS = ["-std=c++17", "-O3", "-pthread", "-fvisibility=hidden", "-g0"]
WINDOWS_FLAGS = ["/std:c++17", "/O2", "/EHsc"]


class BuildKernels(build_ext):
    """Builder of a library with a plain C interface, loaded with ctypes: it needs no Python.h."""

    def build_extension(self, ext: Extension) -> None:
        """Compile with the flags of the compiler that is there."""
        unix = self.compiler.compiler_type != "msvc"
        ext.extra_compile_args = UNIX_FLAGS if unix else WINDOWS_FLAGS
        ext.extra_link_args = ["-pthread"] if unix else []
        if unix:
            self._choose_compiler()
        super().build_extension(ext)

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """Export what the header says, and no PyInit function."""
        return []

    def _choose_compiler(self) -> None:
        """Take $CXX, the compiler that Python was built with, or another one that is there."""
        named = shlex.split(os.environ.get("CXX", ""))
        compile_, link = self.compiler.compiler_so_cxx, self.compiler.linker_so_cxx
        if not named:
            named = [next(filter(shutil.which, (compile_[0], "g++", "c++", "clang++")), "g++")]
            compile_ = [*named, *compile_[1:]]
        self.compiler.set_executable("compiler_so_cxx", compile_)
        if "LDCXXSHARED" not in os.environ:
            self.compiler.set_executable("linker_so_cxx", [*named, *link[1:]])


setup(
    cmdclass={"build_ext": BuildKernels},
    ext_modules=[
        Extension(
            "tenzo.sw.kernels._native",
            sources=sorted(map(str, SOURCES.glob("*.cpp"))),
            depends=sorted(map(str, SOURCES.glob("*.h*"))),
            language="c++",
            optional=True,  # without a compiler NumPy computes, and says so
            py_limited_api=True,  # no Python in it: one file for all versions
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
