"""Functions named in a configuration."""

from pathlib import Path

import pytest

from tenzo.sw.configuration.entry_points import load_entry_point
from tenzo.sw.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_function_of_the_current_folder_is_found(folder: Path) -> None:
    (folder / "entry_point_found.py").write_text("def five():\n    return 5\n")
    assert load_entry_point("entry_point_found:five", "data")() == 5


def test_the_search_path_is_left_as_it_was(folder: Path) -> None:
    import sys

    before = list(sys.path)
    with pytest.raises(UserError):
        load_entry_point("entry_point_missing:five", "data")
    assert sys.path == before


@pytest.mark.parametrize("name", ["module", "a:b:c", ":f", "m:", "m-n:f", "..m:f", "m:f()"])
def test_a_malformed_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="data must be named module:function, not"):
        load_entry_point(name, "data")


def test_a_missing_module_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match=f"cannot be imported from {folder}.*put nowhere.py there"):
        load_entry_point("nowhere:f", "loss")


def test_a_missing_function_is_named(folder: Path) -> None:
    (folder / "entry_point_empty.py").write_text("value = 3\n")
    with pytest.raises(UserError, match=r"needs a function 'f' in .*entry_point_empty.py"):
        load_entry_point("entry_point_empty:f", "loss")
    with pytest.raises(UserError, match="needs a function 'value'"):
        load_entry_point("entry_point_empty:value", "loss")


def test_a_module_that_fails_is_named(folder: Path) -> None:
    (folder / "entry_point_fails.py").write_text("1 / 0\n")
    with pytest.raises(
        UserError, match="loss 'entry_point_fails:f' cannot be loaded, mend it: div"
    ):
        load_entry_point("entry_point_fails:f", "loss")


def test_a_syntax_error_is_named(folder: Path) -> None:
    (folder / "entry_point_broken.py").write_text("def f(:\n")
    with pytest.raises(UserError, match="has a syntax error, mend it"):
        load_entry_point("entry_point_broken:f", "loss")
