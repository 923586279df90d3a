"""A detector that was started runs at once, is silent, and says what is next."""

from pathlib import Path

import pytest

import tools.new_detector as module
from tools.new_detector import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for name in ("detectors", "tests/detectors"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def test_a_detector_and_its_test_are_written_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["options_probe", "API_OptionsProbe"]) == 0
    made: dict[str, object] = {}
    exec(compile((folder / "detectors" / "options_probe.py").read_text("utf-8"), "options_probe", "exec"), made)
    assert getattr(made["options_probe"], "id", None) == "API_OptionsProbe"
    compile((folder / "tests" / "detectors" / "test_options_probe.py").read_text("utf-8"), "test", "exec")
    told = capsys.readouterr().out
    assert all(name in told for name in ("tools/proofs.py", "tools.document_detectors", "CHANGELOG.md"))
    assert main(["options_probe", "API_OptionsProbe"]) == 1


@pytest.mark.parametrize(
    "given", [[], ["options_probe"], ["OptionsProbe", "API_OptionsProbe"], ["options_probe", "OptionsProbe"], ["../x", "API_X"]]
)
def test_names_that_fit_no_file_are_refused(folder: Path, given: list[str]) -> None:
    assert main(given) == 2
    assert not list(folder.rglob("*.py"))
