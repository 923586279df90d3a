"""The page of detectors is what the detectors say."""

import re
from pathlib import Path

import pytest

import tools.document_detectors as module
from detectors import discovered
from pipeline.limits import parse
from tools.document_detectors import HEAD, TARGET, document, main


def test_the_page_is_current_and_names_every_detector_and_limit() -> None:
    page = TARGET.read_text("utf-8")
    assert page == document()
    for one in discovered():
        assert f'## <a id="{one.name}"></a>{one.id}' in page
        assert all(re.search(rf"^\| `{name}` \| {value} \| \S", page, re.MULTILINE) for name, value in one.limits.items()), one.id
        assert one.function.__doc__, f"{one.id} states no rule"


def test_what_the_page_advises_is_accepted() -> None:
    for advice in re.findall(r"`(\{[^`]*\})`", TARGET.read_text("utf-8")):
        parse(advice.encode())
    parse(HEAD.partition("```json")[2].partition("```")[0].encode())


def test_check_tells_a_page_that_is_not_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "detectors.md"
    monkeypatch.setattr(module, "TARGET", page)
    monkeypatch.setattr("sys.argv", ["document_detectors", "--check"])
    assert main() == 1
    page.write_text(document() + "an edit by hand\n", "utf-8")
    assert main() == 1
    assert "not current" in capsys.readouterr().err
    page.write_text(document(), "utf-8")
    assert main() == 0
