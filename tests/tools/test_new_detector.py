"""A detector that was started runs at once, is silent, passes its own test, and says what is next."""

import ast
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest

import tools.new_detector as module
import tools.proofs
from detectors import Detector, collect
from model import NOBODY, service_endpoint
from tests.build import ENDPOINT, IP, baseline, window
from tools.new_detector import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for name in ("detectors", "tests/detectors"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def imported(path: Path) -> ModuleType:
    made = ModuleType(path.stem)
    exec(compile(path.read_text("utf-8"), str(path), "exec"), vars(made))
    return made


def started(folder: Path) -> Detector:
    assert main(["options_probe", "API_OptionsProbe"]) == 0
    (found,) = collect([imported(folder / "detectors" / "options_probe.py")])
    return found


def test_a_detector_and_its_test_are_written_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = started(folder)
    assert (found.id, found.name) == ("API_OptionsProbe", "options_probe")
    told = capsys.readouterr().out
    assert all(name in told for name in ("tests/tools/test_prove.py", "tools/proofs.py", "make pages", "CHANGELOG.md"))
    assert main(["options_probe", "API_OptionsProbe"]) == 1


@pytest.mark.parametrize("ip", [IP, *NOBODY])
def test_what_was_started_is_silent_whatever_was_called(folder: Path, ip: str) -> None:
    found = started(folder)
    for calls in (0, 1, 500):
        assert list(found(window(endpoint=service_endpoint("contoso"), routes=[(ip, 200, ENDPOINT)] * calls), baseline())) == []


def test_its_own_test_passes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = started(folder)
    monkeypatch.setitem(sys.modules, "detectors.options_probe", imported(folder / "detectors" / "options_probe.py"))
    test: Callable[..., None] = imported(folder / "tests" / "detectors" / "test_options_probe.py").test_options_probe
    (table,) = (mark for mark in test.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    rows: Sequence[tuple[str, str, int, list[float]]] = table.args[1]
    assert [row[3] for row in rows if row[3]] != []
    for row in rows:
        test(*row)
    assert found.limits.keys() == {"calls"}


def test_the_proof_that_it_prints_fits_where_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = started(folder)
    proof = module.PROOF.format(name=found.name, id=found.id)
    assert proof in capsys.readouterr().out
    called = {
        node.func.id
        for node in ast.walk(ast.parse(f"def proof():{proof}"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called == {"_limits", "int", "_counted", "range"}
    assert all(inspect.isfunction(getattr(tools.proofs, name)) for name in ("_limits", "_counted"))


@pytest.mark.parametrize(
    "given", [[], ["options_probe"], ["OptionsProbe", "API_OptionsProbe"], ["options_probe", "OptionsProbe"], ["../x", "API_X"]]
)
def test_names_that_fit_no_file_are_refused(folder: Path, given: list[str]) -> None:
    assert main(given) == 2
    assert not list(folder.rglob("*.py"))
