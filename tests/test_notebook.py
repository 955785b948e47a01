"""The notebook is stored clean, and every cell of it works, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import tenzo

NOTEBOOK = Path(__file__).parent.parent / "docs" / "tutorial.ipynb"

RUN = """
import ast
import sys

import nbformat

names = {"__name__": "__main__"}
for number, cell in enumerate(nbformat.read(sys.argv[1], as_version=4).cells):
    if cell.cell_type != "code":
        continue
    print(f"cell {number}", flush=True)
    tree = ast.parse(cell.source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, f"cell {number}", "exec"), names)
    if last is not None:  # a notebook shows it
        value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
        print(value._repr_svg_() if hasattr(value, "_repr_svg_") else repr(value), flush=True)
"""


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_notebook_is_of_the_format(notebook):
    nbformat.validate(notebook)


def test_notebook_is_stored_without_results(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in cells if cell.outputs or cell.execution_count is not None] == []
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert [cell for cell in notebook.cells if cell.metadata] == []


def test_notebook_uses_public_names_only(notebook):
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert set(re.findall(r"tenzo\.(\w+)", code)) <= set(tenzo.__all__)
    assert re.findall(r"^(?:from|import) tenzo\S+", code, re.M) == []


def test_links_of_the_notebook_lead_to_files(notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#]+)", text)
    assert len(links) > 3
    assert [link for link in links if not (NOTEBOOK.parent / link).exists()] == []


@pytest.mark.slow
def test_every_cell_of_the_notebook_works(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", RUN, str(NOTEBOOK)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    output = result.stdout
    assert "<svg" in output
    accuracies = [float(text) for text in re.findall(r"test accuracy: ([\d.]+) %", output)]
    assert len(accuracies) == 3
    assert accuracies[1] == accuracies[2] > 85  # trained coordinate-wise, and evaluated again
    assert "compared, no difference" in output
    error, zero = map(float, re.findall(r"L2 error: (\S+) \(zero network: ([^,]+),", output)[0])
    assert error < 0.7 * zero
    assert (tmp_path / "comparison.html").exists()
