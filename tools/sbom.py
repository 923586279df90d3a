"""`python -m tools.sbom`: the bill of materials of a deployment, CycloneDX 1.6 as JSON, from the pins and the installed packages; asks no network.

cyclonedx-bom lists an environment, tools and tests with it, and knows nothing of what the page is made of: so it is written here.
"""

import argparse
import json
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tools.pins import PYTHONS, asked
from tools.shipped import ROOT, Part, Unknown, needs, parts


def bill(python: str, version: str) -> dict[str, Any]:
    """The document for a deployment under this Python. The same parts give the same bytes: no clock, no chance. Raises Unknown."""
    shipped = [part for part in parts() if not part.pythons or python in part.pythons]
    by_name = {part.name: part for part in shipped}
    root = f"pkg:generic/gatewatch@{version}"
    own = [canonicalize_name(one.name) for one in asked((ROOT / "requirements.in").read_text(encoding="utf-8"))]
    direct = sorted({by_name[name].purl for name in own if name in by_name} | {part.purl for part in shipped if not part.pythons})
    edges = [{"ref": root, "dependsOn": direct}]
    for part in shipped:
        below = [by_name[name].purl for name in needs(part.name, python) if name in by_name] if part.pythons else []
        edges.append({"ref": part.purl, "dependsOn": below})
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join([root, python, *(part.purl for part in shipped)]))}",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": root, "name": "gatewatch", "version": version, "licenses": [_licence("MIT")]},
            "properties": [{"name": "gatewatch:python", "value": python}],
        },
        "components": [_component(part) for part in shipped],
        "dependencies": edges,
    }


def _component(part: Part) -> dict[str, Any]:
    """CycloneDX keeps one hash of a kind for a component, and a release has a file for each platform: those of its files stand as properties."""
    whole = {"hashes": [{"alg": "SHA-512", "content": part.hashes[0]}]} if not part.pythons else {}
    files = [{"name": "gatewatch:file:sha256", "value": one} for one in part.hashes] if part.pythons else []
    listed = {"type": "library", "bom-ref": part.purl, "name": part.name, "version": part.version, "purl": part.purl}
    return {**listed, "licenses": [_licence(part.licence)], **whole, **({"properties": files} if files else {})}


def _licence(expression: str) -> dict[str, Any]:
    return {"expression": expression} if " " in expression else {"license": {"id": expression}}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.sbom", description=__doc__)
    parser.add_argument(
        "--python", choices=PYTHONS, default=f"{sys.version_info.major}.{sys.version_info.minor}", help="that of the deployment"
    )
    parser.add_argument("--out", type=Path, help="file to write; without it the document is printed")
    arguments = parser.parse_args()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    try:
        document = json.dumps(bill(arguments.python, version), indent=2) + "\n"
    except Unknown as unknown:
        print(unknown, file=sys.stderr)
        return 1
    if arguments.out:
        arguments.out.write_text(document, encoding="utf-8")
    else:
        sys.stdout.write(document)
    return 0


if __name__ == "__main__":
    sys.exit(main())
