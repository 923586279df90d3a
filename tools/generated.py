"""Pages that are generated: written, or checked to be current."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def command(program: str, target: Path, page: str, arguments: Sequence[str] | None = None) -> int:
    """The exit code of `python -m PROGRAM [--check]`: 1, with a sentence, where the page is to be checked and is not current."""
    name = Path(os.path.relpath(target, Path(__file__).parent.parent)).as_posix()
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=f"Writes {name}.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not current")
    if parser.parse_args(arguments).check:
        if target.is_file() and target.read_text("utf-8") == page:
            return 0
        print(f"{name} is not current: run `python -m {program}`", file=sys.stderr)
        return 1
    target.write_text(page, "utf-8")
    return 0
