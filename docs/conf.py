"""Site of the pages in this folder and of the docstrings: ``make docs`` builds it with Sphinx."""

import tomllib
from pathlib import Path
from typing import Any

from tenzo import __version__

ROOT = Path(__file__).parent.parent
API = Path(__file__).parent / "api"

project = "Tenzo"
version = release = __version__

extensions = [
    "myst_parser",  # the pages are Markdown
    "sphinx.ext.autodoc",  # the reference comes from the docstrings,
    "sphinx.ext.napoleon",  # which have numpydoc's sections
    "sphinxcontrib.mermaid",  # diagrams
]
html_theme = "furo"
html_show_copyright = False
html_title = f"Tenzo {__version__}"

myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3

napoleon_google_docstring = False
napoleon_custom_sections = [("Members", "params_style"), ("Yields", "returns_style")]
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_mock_imports = ["torch", "tltorch", "tensorly"]  # peers in the benchmarks

suppress_warnings = ["ref.python"]  # a name that several modules have


def modules(package: str, folder: Path) -> list[str]:
    """Return the modules in the folder of a package, itself first, without private ones."""
    names = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    return [package, *(f"{package}.{name}" for name in names)]


def write_api_pages(app: Any) -> None:
    """Write a page for every package; those that are the same already stay untouched."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    API.mkdir(exist_ok=True)
    for package in tools["packages"]:
        folder = ROOT.joinpath(*package.split(".")[1:]) if "." in package else ROOT / package
        lines = [package, "=" * len(package), ""]
        for module in modules(package, folder):
            if module != package:
                lines += [module, "-" * len(module), ""]
            lines += [f".. automodule:: {module}", ""]
        page, text = API / f"{package}.rst", "\n".join(lines)
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def lead_home(app: Any, page: str, source: list[str]) -> None:
    """Let links to the README, which is no page, lead to the first page."""
    source[0] = source[0].replace("(../README.md)", "(index.md)")


def setup(app: Any) -> None:
    """Hook into Sphinx."""
    app.connect("source-read", lead_home)
    app.connect("builder-inited", write_api_pages)
