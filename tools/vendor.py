"""`python -m tools.vendor`: copies what the page is made of from node_modules into web/static/vendor, as the browser can read it without a build."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "web" / "static" / "vendor"
FILES = {
    "preact.mjs": "preact/dist/preact.mjs",
    "hooks.mjs": "preact/hooks/dist/hooks.mjs",
    "htm.mjs": "htm/dist/htm.mjs",
    "LICENSE-preact": "preact/LICENSE",
    "LICENSE-htm": "htm/LICENSE",
}
"""Name here -> path in node_modules. package-lock.json pins the versions."""


def vendored(modules: Path) -> dict[str, bytes]:
    """The files by name. A bare import becomes a relative one: an import map would be an inline script, which the page's policy refuses.

    Raises OSError where a package is not installed.
    """
    return {name: _relative((modules / path).read_bytes()) for name, path in FILES.items()}


def _relative(code: bytes) -> bytes:
    lines = code.replace(b'from"preact"', b'from"./preact.mjs"').splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"//# sourceMappingURL="))


def main() -> int:
    """0 when the files are there (or, with --check, are what they must be); 1 with the names of those that differ."""
    parser = argparse.ArgumentParser(prog="python -m tools.vendor", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    arguments = parser.parse_args()
    wanted = vendored(ROOT / "node_modules")
    differ = [name for name, content in wanted.items() if not (TARGET / name).is_file() or (TARGET / name).read_bytes() != content]
    if arguments.check:
        for name in differ:
            print(f"web/static/vendor/{name} is not what package-lock.json pins: run python -m tools.vendor", file=sys.stderr)
        return 1 if differ else 0
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, content in wanted.items():
        (TARGET / name).write_bytes(content)
    print(f"{len(wanted)} files in {TARGET.relative_to(ROOT)}, {len(differ)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
