"""`python -m tools.scanner_names LIST`: makes attacks/scanner_names.py from a maintained list of scanners' names, less those that an honest crawler says.

LIST is a file, or an https address, with a name a line and # before comments: rules/scanners-user-agents.data of the OWASP Core Rule Set
(github.com/coreruleset/coreruleset, Apache-2.0). The honest ones are those of crawler-user-agents that it does not call scanners.
"""

import argparse
import re
import sys
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

TARGET = Path(__file__).parent.parent / "attacks" / "scanner_names.py"
SOURCE = "https://raw.githubusercontent.com/coreruleset/coreruleset/main/rules/scanners-user-agents.data"
LARGEST = 1_000_000
"""Bytes of a list."""
FEWEST = 20
"""Names below which a list is something else."""
SECONDS = 20

_token = re.compile(r"[a-z]+(?:\d+[a-z]+)*").fullmatch
_name = re.compile(r"[ -~]{3,80}").fullmatch


def names(text: str) -> list[str]:
    """The names of a list, lower case, sorted. Raises ValueError for a text that is no such list."""
    found = {line.strip().lower() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")}
    odd = [name for name in found if not _name(name) or "<" in name]
    if odd or len(found) < FEWEST:
        raise ValueError(f"this is no list of scanners: {len(found)} names, {len(odd)} of them no names")
    return sorted(found)


def honest(crawlers: Iterable[dict[str, Any]]) -> list[str]:
    """The user agents of crawlers that are no scanners, lower case."""
    return [agent.lower() for crawler in crawlers if "scanner" not in crawler.get("tags", ()) for agent in crawler["instances"]]


def dishonest(found: Iterable[str], agents: Collection[str]) -> tuple[list[str], list[str]]:
    """Names that no honest crawler says, and those that one does. A name that is one word counts as a word."""
    said = {name for name in found if any(_says(agent, name) for agent in agents)}
    return sorted(set(found) - said), sorted(said)


def _says(agent: str, name: str) -> bool:
    if name not in agent:
        return False
    return not _token(name) or name in re.findall(r"[a-z]+(?:\d+[a-z]+)*", agent)


def module(kept: Iterable[str], source: str, day: date, dropped: Collection[str]) -> str:
    """The text of attacks/scanner_names.py."""
    lines = "".join(f'    "{name}",\n' for name in kept)
    without = f" Without {', '.join(sorted(dropped))}, which honest crawlers say." if dropped else ""
    return (
        '"""Names of scanners from a maintained list: made by `python -m tools.scanner_names`, not by hand."""\n\n'
        f'SOURCE = "{source}"\n"""OWASP Core Rule Set, Apache-2.0.{without}"""\n\nAS_OF = "{day.isoformat()}"\n\nNAMES: tuple[str, ...] = (\n{lines})\n'
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.scanner_names", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("list", nargs="?", default=SOURCE, help="a file or an https address")
    parser.add_argument("--as-of", type=date.fromisoformat, default=datetime.now(UTC).date(), help="the day of the list (today)")
    given = parser.parse_args(arguments)
    try:
        import crawleruseragents  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        print("crawler-user-agents is missing: make setup", file=sys.stderr)
        return 1
    try:
        found = names(_read(given.list))
    except (OSError, ValueError) as error:
        print(f"{given.list}: {error}", file=sys.stderr)
        return 1
    kept, dropped = dishonest(found, honest(crawleruseragents.CRAWLER_USER_AGENTS_DATA))
    TARGET.write_text(module(kept, given.list if "://" in given.list else SOURCE, given.as_of, dropped), "utf-8")
    print(f"{len(kept)} names of {given.as_of}; {len(dropped)} left out, which honest crawlers say: {', '.join(dropped) or 'none'}")
    return 0


def _read(place: str) -> str:
    if not place.startswith("https://"):
        return Path(place).read_text("utf-8")
    with urlopen(place, timeout=SECONDS) as answer:
        content: bytes = answer.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"longer than {LARGEST} bytes")
    return content.decode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
