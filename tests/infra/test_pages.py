"""The pages about running Gatewatch: links lead somewhere, names are those of the template, what is said to be on a page is on it."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep_compiler import INFRA, ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(DOCS)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []


def test_every_choice_is_documented_and_no_other() -> None:
    offered = set(re.findall(r"'(GATEWATCH_\w+)'", (INFRA / "main.bicepparam").read_text(encoding="utf-8")))
    told = set(re.findall(r"`(GATEWATCH_\w+)`", (DOCS / "deploy.md").read_text(encoding="utf-8")))
    assert told == offered


def test_commands_name_outputs_that_exist() -> None:
    outputs = set(re.findall(r"^output (\w+) ", (INFRA / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        for name in re.findall(r"azd env get-value (\w+)", page.read_text(encoding="utf-8")):
            assert name in outputs, f"{page.name}: {name}"


def test_defaults_are_those_of_the_parameter_file() -> None:
    parameters = dict(
        re.findall(r"readEnvironmentVariable\('(GATEWATCH_\w+)', '([^']*)'\)", (INFRA / "main.bicepparam").read_text(encoding="utf-8"))
    )
    rows: list[Any] = re.findall(
        r"^\| ((?:`GATEWATCH_\w+`(?:, )?)+) \| ([^|]*) \|", (DOCS / "deploy.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows
    for names, defaults in rows:
        known = [parameters[name] for name in re.findall(r"GATEWATCH_\w+", names)]
        shown = [text.strip().strip("`") for text in defaults.split(",")]
        for value, text in zip(known, shown, strict=False):
            assert not value or value == text, f"{names}: {value} is shown as {text}"
