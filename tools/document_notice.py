"""Writes NOTICE, the licences of what is shipped: `python -m tools.document_notice [--check]`. A package whose licence nobody has read stops it."""

import sys
from pathlib import Path

from tools.generated import command
from tools.pins import PYTHONS
from tools.shipped import Part, Unknown, parts

TARGET = Path(__file__).parent.parent / "NOTICE"

HEAD = """Gatewatch
It is under the MIT licence (LICENSE).

A deployment installs the packages below, unchanged, from their own releases; none is part of this repository but what the page is made of
(web/static/vendor, with its licences). Each package brings the text of its licence in its own folder, NAME-VERSION.dist-info.
`python -m tools.document_notice` writes this file from requirements.lock, package-lock.json and the installed packages.

"""

DUTIES = """
What asks for more than to be named:
- python-stdnum (LGPL): it is used as it is, loaded as a package of its own, and may be replaced by changing its line in requirements.in.
- certifi and orjson (MPL-2.0): their files are unchanged; the source is the release of that version at the Python Package Index.
- iptocc brings the allocation lists of AFRINIC, APNIC, ARIN, LACNIC and RIPE NCC; docs/countries.md says under which licence.
"""


def page(shipped: list[Part]) -> str:
    rows = [(_name(part), part.version, part.licence) for part in shipped]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"{name:{widths[0]}}  {version:{widths[1]}}  {licence}" for name, version, licence in rows]
    return HEAD + "\n".join(lines) + "\n" + DUTIES


def _name(part: Part) -> str:
    if not part.pythons:
        return f"{part.name} (the page)"
    return part.name if part.pythons == PYTHONS else f"{part.name} (Python {', '.join(part.pythons)})"


def main() -> int:
    try:
        return command("tools.document_notice", TARGET, page(parts()))
    except Unknown as unknown:
        print(unknown, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
