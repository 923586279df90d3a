"""What a deployment consists of beside this repository: packages of requirements.lock and what the page is made of, with versions, licences, hashes."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.pins import PYTHONS, applies, pins

ROOT = Path(__file__).parent.parent
PAGE = ("htm", "preact")
"""npm packages whose files tools/vendor.py copies into web/static/vendor."""

SPDX: Mapping[str, str] = {
    "Apache-2.0": "Apache-2.0",
    "BSD-3-Clause": "BSD-3-Clause",
    "ISC": "ISC",
    "MIT": "MIT",
    "MIT License": "MIT",
    "MPL-2.0": "MPL-2.0",
}
"""What older metadata says under `License`, where it is plain -> the SPDX expression."""

READ: Mapping[str, str] = {
    "hyperscan": "MIT AND BSD-3-Clause",
    "isodate": "BSD-3-Clause",
    "python-stdnum": "LGPL-2.1-or-later",
}
"""Licences that a person read in the package, since its metadata does not say them whole. hyperscan's wheel holds the library itself, which is BSD-3-Clause."""


class Unknown(Exception):
    """A package whose licence nobody has read yet."""


@dataclass(frozen=True)
class Part:
    """One package as it is shipped. `pythons` are those under which it is installed; none for a part of the page. Hashes are SHA-256 or SHA-512 in hex."""

    name: str
    version: str
    licence: str
    purl: str
    pythons: tuple[str, ...]
    hashes: tuple[str, ...]


def licence(name: str) -> str:
    """The SPDX expression of an installed package. Raises Unknown where neither its metadata nor `READ` says it; PackageNotFoundError."""
    said = metadata.metadata(name)
    expression, older = (said[key].strip() if key in said else "" for key in ("License-Expression", "License"))
    found = READ.get(name) or expression or SPDX.get(older)
    if not found:
        raise Unknown(f"the licence of {name} is not known: read it in the package and write it into tools/shipped.py")
    return found


def parts() -> list[Part]:
    """Everything shipped, by name. Raises Unknown, PackageNotFoundError."""
    found = []
    for pin in pins((ROOT / "requirements.lock").read_text(encoding="utf-8")):
        hashes = tuple(sorted(one.removeprefix("sha256:") for one in pin.hashes))
        pythons = tuple(python for python in PYTHONS if pin.holds(python))
        found.append(Part(pin.name, pin.version, licence(pin.name), f"pkg:pypi/{pin.name}@{pin.version}", pythons, hashes))
    locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name in PAGE:
        entry = locked[f"node_modules/{name}"]
        digest = base64.b64decode(entry["integrity"].removeprefix("sha512-")).hex()
        found.append(Part(name, entry["version"], entry["license"], f"pkg:npm/{name}@{entry['version']}", (), (digest,)))
    return sorted(found, key=lambda part: (part.name, part.version))


def needs(name: str, python: str) -> list[str]:
    """Canonical names of what an installed package asks for under this Python, without its extras."""
    asked = [Requirement(line) for line in metadata.requires(name) or ()]
    return sorted({canonicalize_name(one.name) for one in asked if applies(str(one.marker or ""), python)})
