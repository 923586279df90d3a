"""The command line: findings, summary, report, and one clear sentence when something cannot be read."""

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from tools.classify import main, read_event
from tools.document_types import TARGET, document

IBAN = "GB82WEST12345698765432"


def event(number: int, **fields: object) -> dict[str, object]:
    return {
        "v": 1, "requestId": f"r{number}", "time": "2026-11-24T10:00:00.000Z", "method": "GET", "urlTemplate": "/payees/{id}", "path": f"/payees/{number}", "status": 200,
        "responseContentType": "application/json", "responseBody": json.dumps({"payees": [{"iban": IBAN}]}), **fields,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gatewatch"


def write(path: Path, events: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    return str(path)


def test_findings_summary_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = write(tmp_path / "events.jsonl", [event(1), event(2, status=401), event(3, responseBody="{}")])
    out, report = tmp_path / "findings.jsonl", tmp_path / "report.html"
    assert main([events, "--out", str(out), "--html", str(report)]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["requestId"] for row in rows] == ["r1", "r2", "r3"]
    assert rows[0]["findings"] == [
        {
            "type": "iban",
            "where": "response.body",
            "path": "$.payees[0].iban",
            "generalPath": "$.payees[*].iban",
            "confidence": "high",
            "country": "GB",
        }
    ]
    assert rows[2]["findings"] == []
    summary = capsys.readouterr().err
    assert "GET /payees/{id}" in summary
    assert "3 calls of 1 endpoints: 1 information types at 1 places" in summary
    page = report.read_text()
    assert "$.payees[*].iban" in page
    assert "2xx 4xx" in page
    for text in (summary, page, out.read_text()):
        assert IBAN not in text


def test_the_report_stands_alone_and_escapes(tmp_path: Path) -> None:
    events = write(tmp_path / "e.jsonl", [event(1, urlTemplate="/<script>alert(1)</script>", responseBody=json.dumps({"<b>iban": IBAN}))])
    assert main([events, "--html", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "<script>" not in page
    assert "http://" not in page
    assert "https://" not in page


def test_gzip_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "events.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(event(1)).encode() + b"\n"))
    out = tmp_path / "out.jsonl"
    assert main([str(packed), "--out", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 1

    class Standard:
        buffer = io.BytesIO(json.dumps(event(2)).encode() + b"\n")

    monkeypatch.setattr(sys, "stdin", Standard())
    assert main(["-", "--out", str(out)]) == 0
    assert json.loads(out.read_text())["requestId"] == "r2"


def test_bad_lines_are_counted_and_not_fatal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"not json\n[1]\n{}\n\xff\xfe\n" + json.dumps(event(1)).encode() + b"\n\n")
    out = tmp_path / "out.jsonl"
    assert main([str(path), "--out", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 1
    summary = capsys.readouterr().err
    assert "4 lines could not be read" in summary
    assert f"{path}:2: not a JSON object" in summary.replace("\n", "")


def test_a_broken_gzip_file_is_read_as_far_as_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "events.jsonl.gz"
    content = gzip.compress(b"".join(json.dumps(event(i, responseBody=str(i) * 400)).encode() + b"\n" for i in range(200)))
    path.write_bytes(content[: len(content) // 2])
    assert main([str(path)]) == 0
    assert "the file ends here" in capsys.readouterr().err


@pytest.mark.parametrize(
    "field",
    ["requestHeaders", "responseHeaders", "responseBody", "responseContentType", "path", "query", "urlTemplate", "status", "method"],
)
@pytest.mark.parametrize("value", [None, 7, [], {}, {"a": None}, True])
def test_fields_of_the_wrong_type_are_said_and_never_fatal(field: str, value: object) -> None:
    line = json.dumps(event(1, **{field: value})).encode()
    reason, read, carried = read_event(line)
    assert (reason == "") == bool(read)
    assert bool(carried) == (reason == "")  # nothing that carries data is passed over in silence


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("tools.classify: ")
    assert said.count("\n") == 1
    return said


def test_one_clear_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = write(tmp_path / "events.jsonl", [event(1)])
    types = tmp_path / "types.yaml"
    assert "no file nowhere.jsonl" in refusal(["nowhere.jsonl"], capsys)
    assert "nowhere.yaml cannot be read" in refusal([events, "--types", "nowhere.yaml"], capsys)
    types.write_text("[{id: my_type, pattern: 'a*', examples: [a, b], counterexamples: [c, d]}]")
    assert "'my_type': the pattern can match the empty text" in refusal([events, "--types", str(types)], capsys)
    types.write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in refusal([events, "--types", str(types)], capsys)
    assert "'no_such'" in refusal([events, "--disable", "no_such"], capsys)
    assert "cannot be written" in refusal([events, "--out", str(tmp_path / "no" / "such" / "folder")], capsys)
    assert "cannot be written" in refusal([events, "--html", str(tmp_path / "no" / "such" / "folder")], capsys)


def test_own_types_and_disabled_ones(tmp_path: Path) -> None:
    events = write(tmp_path / "events.jsonl", [event(1, responseBody=json.dumps({"iban": IBAN, "staffId": "EMP-123456"}))])
    types = tmp_path / "types.yaml"
    types.write_text(
        "[{id: employee, pattern: 'EMP-[0-9]{6}', keywords: [staff id], examples: [EMP-123456, EMP-000001], counterexamples: [EMP-1, EMP-x]}]"
    )
    out = tmp_path / "out.jsonl"
    assert main([events, "--types", str(types), "--disable", "iban", "--out", str(out)]) == 0
    assert [f["type"] for f in json.loads(out.read_text())["findings"]] == ["employee"]


def test_the_compiled_shapes_are_kept(tmp_path: Path, cache: Path) -> None:
    events = write(tmp_path / "events.jsonl", [event(1)])
    assert main([events]) == 0
    [kept] = cache.iterdir()
    content = kept.read_bytes()
    kept.write_bytes(b"spoiled")
    assert main([events]) == 0
    assert kept.read_bytes() == content


def test_the_page_of_types_is_current() -> None:
    assert TARGET.read_text("utf-8") == document()
