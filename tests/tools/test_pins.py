"""What is installed is pinned, hashed, and agrees with what is asked for; a file that does not agree is told which line."""

import json
import sys
from pathlib import Path
from typing import Any

import cyclonedx.schema
import jsonschema
import pytest

from tools import document_notice, sbom
from tools.pins import OUTPUTS, PYTHONS, disagreements, pins
from tools.shipped import ROOT, Unknown, licence, parts

FILES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("requirements.in", "requirements-dev.in", *OUTPUTS)}
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_files_agree_with_each_other_and_with_what_is_installed() -> None:
    assert list(disagreements(FILES, HERE)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("requirements.in", "orjson==3.13.0", "orjson==3.12.0", "requirements.in: orjson==3.12.0 is not what is pinned for Python 3.11: 3.13.0"),
        ("requirements.in", "\nmsgspec", "\nattrs==26.1.0\nmsgspec", "requirements.in: attrs==26.1.0 is not what is pinned for Python 3.13: nothing"),
        ("requirements-dev.in", "ruff==0.17.6", "ruff==0.17.5", "requirements-dev.in: ruff==0.17.5 is not what is pinned for Python 3.12: 0.17.6"),
        ("requirements.txt", "orjson==3.13.0", "orjson==3.13.1", "orjson 3.13.1 stands in one of requirements.txt and requirements.lock only"),
        ("requirements.txt", "\nidna==", "\n#idna==", "requirements.txt: idna is needed and not pinned"),
        ("requirements.txt", "\nidna==", "\nattrs==26.1.0\nidna==", "requirements.txt: attrs is pinned and not needed"),
        ("requirements.txt", "\nidna==", "\n--index-url https://index.example/simple\nidna==", "requirements.txt names a host, from which nobody else may install"),
        ("requirements.txt", "orjson==3.13.0", "orjson==3.13.0 --hash=sha256:00", "requirements.txt: orjson has hashes, which pip would then ask of all"),
        ("requirements-dev.lock", "sha256:", "sha256:0", "requirements-dev.lock has not the version and hashes of orjson that requirements.lock has"),
    ],
)  # fmt: skip
def test_what_does_not_agree_is_told(file: str, old: str, new: str, told: str) -> None:
    changed = FILES[file].replace(old, new)
    assert changed != FILES[file]
    assert told in list(disagreements({**FILES, file: changed}, HERE))


def test_a_pin_without_a_hash_is_told() -> None:
    lock = FILES["requirements.lock"]
    bare = "\n".join(line for line in lock.splitlines() if "--hash" not in line).replace(" \\", "")
    assert "requirements.lock: orjson has no hash" in list(disagreements({**FILES, "requirements.lock": bare}, None))


@pytest.mark.parametrize("line", ["orjson>=3", "orjson", "orjson==3.*", "orjson>=3,<4"])
def test_a_line_of_more_than_one_version_is_no_pin(line: str) -> None:
    with pytest.raises(ValueError, match="orjson is not pinned to one version"):
        pins(line)


@pytest.mark.parametrize("python", PYTHONS)
def test_a_release_has_the_hashes_of_all_its_files(python: str) -> None:
    """One file a platform and Python at least: a lock that was compiled for one machine alone would have one."""
    native = {pin.name: pin for pin in pins(FILES["requirements.lock"]) if pin.holds(python)}
    assert all(len(native[name].hashes) > 10 for name in ("numpy", "orjson", "msgspec", "hyperscan", "cryptography"))


def test_the_notice_is_current_and_names_every_part() -> None:
    shipped = parts()
    assert document_notice.TARGET.read_text("utf-8") == document_notice.page(shipped), "run `python -m tools.document_notice`"
    licences = {part.name: part.licence for part in shipped}
    assert licences["python-stdnum"] == "LGPL-2.1-or-later"
    assert "MPL-2.0" in licences["certifi"]
    assert {"preact", "htm"} <= licences.keys()


def test_a_package_whose_licence_nobody_has_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.shipped.READ", {})
    with pytest.raises(Unknown, match="the licence of isodate is not known"):
        licence("isodate")


@pytest.mark.parametrize("python", PYTHONS)
def test_the_bill_of_materials_is_valid_cyclonedx(python: str) -> None:
    schema: dict[str, Any] = json.loads(
        (Path(cyclonedx.schema.__file__).parent / "_res" / "bom-1.6.SNAPSHOT.schema.json").read_text("utf-8")
    )
    # the licences' list is a file of its own there; an expression is checked by the package's own reading of SPDX
    spdx = json.loads((Path(cyclonedx.schema.__file__).parent / "_res" / "spdx.SNAPSHOT.schema.json").read_text("utf-8"))
    document = sbom.bill(python, "1.2.3")
    schema["definitions"]["license"]["properties"]["id"] = {"enum": spdx["enum"]}
    schema["definitions"]["signature"] = {}
    jsonschema.Draft7Validator(schema).validate(document)
    refs = {component["bom-ref"] for component in document["components"]}
    assert {"pkg:npm/preact@11.2.0"} < refs
    assert {edge["ref"] for edge in document["dependencies"]} - refs == {"pkg:generic/gatewatch@1.2.3"}
    assert {below for edge in document["dependencies"] for below in edge["dependsOn"]} == refs, "every part is there for a reason"
    functions = [component["version"] for component in document["components"] if component["name"] == "azure-functions"]
    assert functions == (["2.3.0"] if python == "3.13" else ["1.26.0"])
