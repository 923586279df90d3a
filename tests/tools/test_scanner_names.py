"""The list of scanners' names: what is one, what honest crawlers say is left out, and something else is refused."""

from datetime import date
from pathlib import Path

import pytest

from attacks import scanner_names
from attacks.agents import suspicious_agent
from tools import scanner_names as tool

LIST = "# a comment\n" + "\n".join(f"scanner{letter}bot" for letter in "abcdefghijklmnopqrstuvw") + "\nGooglebot\nvega\n"


def test_names_that_honest_crawlers_say_are_left_out() -> None:
    kept, dropped = tool.dishonest(tool.names(LIST), ["mozilla/5.0 (compatible; googlebot/2.1)", "vegas-casino/1.0"])
    assert dropped == ["googlebot"]
    assert {"vega", "scannerabot"} <= set(kept)


@pytest.mark.parametrize("text", ["", "sqlmap\nnikto\n", "<html>\n" * 30, "\n".join(f"<p>{n}</p>" for n in range(50))])
def test_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no list of scanners"):
        tool.names(text)


def test_the_command_writes_the_module_with_source_and_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("crawleruseragents")
    monkeypatch.setattr(tool, "TARGET", tmp_path / "scanner_names.py")
    (tmp_path / "list").write_text(LIST, "utf-8")
    assert tool.main([str(tmp_path / "list"), "--as-of", "2026-11-24"]) == 0
    written: dict[str, object] = {}
    exec((tmp_path / "scanner_names.py").read_text("utf-8"), written)
    assert (written["AS_OF"], written["SOURCE"]) == ("2026-11-24", tool.SOURCE)
    assert "googlebot" not in str(written["NAMES"])
    assert tool.main([str(tmp_path / "nothing")]) == 1
    assert "nothing" in capsys.readouterr().err


def test_the_list_is_dated_and_every_name_is_seen_anywhere_in_an_agent() -> None:
    assert date.fromisoformat(scanner_names.AS_OF).year >= 2026
    assert scanner_names.SOURCE.startswith("https://")
    for name in scanner_names.NAMES:
        for agent in (name, f"Mozilla/5.0 ({name}/1.0)", name.upper()):
            assert (suspicious_agent(agent) or "").startswith("scanner:"), agent


def test_no_crawler_is_taken_for_a_scanner_but_those_that_are() -> None:
    published = pytest.importorskip("crawleruseragents")
    crawlers = tool.honest(published.CRAWLER_USER_AGENTS_DATA)
    assert len(crawlers) > 1_000
    assert [agent for agent in crawlers if suspicious_agent(agent)] == []
