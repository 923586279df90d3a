"""python -m tools.posture: from a file to its assessments, and from a service to a file."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.posture.estate import api, child, service
from tools.posture import main


def run(path: Path, *more: str) -> dict[str, Any]:
    out: list[str] = []
    assert main(["assess", "--export", str(path), "--json", *more], console=Console(file=io.StringIO()), out=out.append) == 0
    found: dict[str, Any] = json.loads(out[0])
    return found


def written(folder: Path, document: Any) -> Path:
    path = folder / "resources.json"
    path.write_text(json.dumps(document), "utf-8")
    return path


def test_an_export_becomes_assessments(tmp_path: Path) -> None:
    report = run(written(tmp_path, [service(), api(protocols=["http"])]))
    (plain,) = [one for one in report["assessments"] if one["id"] == "api-plaintext"]
    assert (plain["state"], plain["severity"]) == ("unhealthy", "High")
    assert plain["resource"].endswith("/service/contoso/apis/orders")
    assert plain["evidence"] == [{"resource": plain["resource"], "path": "properties.protocols[0]", "value": "http"}]
    assert plain["remediation"]
    assert report["failures"] == []


def test_the_page_escapes_what_the_export_says(tmp_path: Path) -> None:
    document = [service(), child("backends/b", url="http://<script>alert(1)</script>", protocol="http")]
    run(written(tmp_path, document), "--html", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<script>" not in page
    assert "Backends should be called over encrypted connections" in page


def test_the_table_is_for_people(tmp_path: Path) -> None:
    text = io.StringIO()
    assert (
        main(["assess", "--export", str(written(tmp_path, [service(), api(protocols=["http"])]))], console=Console(file=text, width=160))
        == 0
    )
    assert "api-plaintext" in text.getvalue()
    assert "unhealthy (" in text.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "no JSON"),
        ("3", "no array of ARM resources"),
        ("[]", "no resource of Microsoft.ApiManagement"),
        ('[{"type": "Microsoft.Web/sites", "name": "a"}]', "no resource of Microsoft.ApiManagement"),
        ("[" * 100_000, "no JSON"),
        ('[{"type": "Microsoft.ApiManagement/service", "name": "a", "properties": null}]', "have no properties"),
    ],
)
def test_what_is_no_export_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, says: str) -> None:
    path = tmp_path / "resources.json"
    path.write_text(content, "utf-8")
    assert main(["assess", "--export", str(path)]) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_that_powershell_wrote_is_read_and_half_a_character_is_no_end(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "resources.json"
    path.write_text(json.dumps([service(), api("a\ud800", protocols=["http"])]), encoding)
    (plain,) = [one for one in run(path, "--html", str(tmp_path / "page.html"))["assessments"] if one["id"] == "api-plaintext"]
    assert plain["state"] == "unhealthy"


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assess", "--export", str(tmp_path / "none.json")]) == 1
    assert "none.json cannot be read" in capsys.readouterr().err
