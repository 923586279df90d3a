"""`python -m tools.pins`: compiles requirements.in and requirements-dev.in into what is installed; --check says, without a network, whether they agree.

requirements.txt has every package of the app with its version: Azure's remote build and plain pip read it. requirements.lock has the same with the
hashes of every file of a release: the deployment's build checks them. requirements-dev.lock adds what tests and tools need: `make setup` checks it.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
COMPILE = ("pip", "compile", "--quiet", "--universal", "--python-version", PYTHONS[0])
HASHED = ("--generate-hashes", "--no-annotate")
OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "requirements.txt": ("requirements.in",),
    "requirements.lock": (*HASHED, "-c", "requirements.txt", "requirements.in"),
    "requirements-dev.lock": (*HASHED, "requirements-dev.in"),
}
"""Compiled file -> what uv is told beside where to write it. The order matters: the later ones are held to the first."""


@dataclass(frozen=True)
class Pin:
    """One line of a compiled file. The name is canonical; `marker` is empty where the package is needed everywhere."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]

    def holds(self, python: str) -> bool:
        return applies(self.marker, python)


def applies(marker: str, python: str) -> bool:
    """Whether a marker holds on Linux x86_64, where the app runs, under a Python such as 3.12."""
    place = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux", "platform_machine": "x86_64"}
    place |= {"platform_python_implementation": "CPython", "implementation_name": "cpython", "os_name": "posix", "platform_system": "Linux"}
    return not marker or Marker(marker).evaluate({**place, "extra": ""})


def lines(text: str) -> Iterator[str]:
    """What a requirements file asks for: no comment, no option, a continued line whole."""
    for line in text.replace("\\\n", " ").splitlines():
        bare = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if bare and not bare.startswith("-"):
            yield bare


def pins(text: str) -> list[Pin]:
    """The pins of a compiled file, in its order. Raises ValueError for a line that names no single version."""
    found = []
    for line in lines(text):
        asked, *hashes = re.split(r"\s+--hash=", line)
        requirement = Requirement(asked)
        version = re.fullmatch(r"==([^,*]+)", str(requirement.specifier))
        if not version:
            raise ValueError(f"{requirement.name} is not pinned to one version")
        found.append(Pin(canonicalize_name(requirement.name), version[1], str(requirement.marker or ""), frozenset(hashes)))
    return found


def asked(text: str) -> list[Requirement]:
    return [Requirement(line) for line in lines(text)]


def closure(requirements: Iterable[Requirement], python: str) -> set[str]:
    """Names of all packages that these need under this Python, from what is installed. Raises PackageNotFoundError for one that is not."""
    waiting = [(requirement, "") for requirement in requirements]
    needed: dict[str, set[str]] = {}
    while waiting:
        requirement, extra = waiting.pop()
        marker = str(requirement.marker or "")
        if marker and not (applies(marker, python) or (extra and Marker(marker).evaluate({"extra": extra}))):
            continue
        name = canonicalize_name(requirement.name)
        new = {"", *requirement.extras} - needed.setdefault(name, set())
        needed[name] |= new
        waiting += [(Requirement(line), one) for one in new for line in metadata.requires(name) or ()]
    return set(needed)


def disagreements(files: Mapping[str, str], python: str | None) -> Iterator[str]:
    """What does not agree, a sentence each. `files` has the text of every file by name; with `python` what is installed is asked too."""
    compiled = {name: pins(files[name]) for name in OUTPUTS}
    plain = compiled["requirements.txt"]
    for name in ("requirements.in", "requirements-dev.in"):
        for requirement in asked(files[name]):
            for version in PYTHONS:
                if applies(str(requirement.marker or ""), version):
                    yield from _unmet(requirement, version, plain if name == "requirements.in" else compiled["requirements-dev.lock"], name)
    for name, found in compiled.items():
        yield from (f"{name}: {pin.name} has hashes, which pip would then ask of all" for pin in found if pin.hashes and found is plain)
        yield from (f"{name}: {pin.name} has no hash" for pin in found if not pin.hashes and found is not plain)
        if "://" in files[name]:
            yield f"{name} names a host, from which nobody else may install"
    bare = {(pin.name, pin.version, pin.marker) for pin in plain}
    for name, version, _ in sorted(bare ^ {(pin.name, pin.version, pin.marker) for pin in compiled["requirements.lock"]}):
        yield f"{name} {version} stands in one of requirements.txt and requirements.lock only"
    by_name = {(pin.name, pin.version): pin.hashes for pin in compiled["requirements-dev.lock"]}
    for pin in compiled["requirements.lock"]:
        if by_name.get((pin.name, pin.version)) != pin.hashes:
            yield f"requirements-dev.lock has not the version and hashes of {pin.name} that requirements.lock has"
    if python is not None:
        yield from _stale(asked(files["requirements.in"]), [pin for pin in plain if pin.holds(python)], python)


def _unmet(requirement: Requirement, python: str, found: list[Pin], name: str) -> Iterator[str]:
    versions = [pin.version for pin in found if pin.name == canonicalize_name(requirement.name) and pin.holds(python)]
    if len(versions) != 1 or not requirement.specifier.contains(versions[0], prereleases=True):
        yield f"{name}: {requirement.name}{requirement.specifier} is not what is pinned for Python {python}: {', '.join(versions) or 'nothing'}"


def _stale(direct: list[Requirement], found: list[Pin], python: str) -> Iterator[str]:
    try:
        needed = closure(direct, python)
    except metadata.PackageNotFoundError as missing:
        yield f"{missing.name} is needed and not installed: make setup"
        return
    names = {pin.name for pin in found}
    yield from (f"requirements.txt: {name} is needed and not pinned" for name in sorted(needed - names))
    yield from (f"requirements.txt: {name} is pinned and not needed" for name in sorted(names - needed))
    for pin in found:
        if pin.name in needed and metadata.version(pin.name) != pin.version:
            yield f"{pin.name} {metadata.version(pin.name)} is installed, {pin.version} is pinned: make setup"


def main() -> int:
    """0 when the files are written (or, with --check, agree); 1 with what does not."""
    parser = argparse.ArgumentParser(prog="python -m tools.pins", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, ask no index, say what does not agree")
    parser.add_argument("--upgrade", action="store_true", help="what is not asked for by version becomes the newest")
    arguments = parser.parse_args()
    if not arguments.check:
        for output, options in OUTPUTS.items():
            upgrade = ["--upgrade"] if arguments.upgrade else []
            subprocess.run([Path(sys.executable).with_name("uv"), *COMPILE, *options, *upgrade, "-o", output], cwd=ROOT, check=True)
    files = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("requirements.in", "requirements-dev.in", *OUTPUTS)}
    wrong = list(disagreements(files, f"{sys.version_info.major}.{sys.version_info.minor}" if arguments.check else None))
    for sentence in wrong:
        print(f"{sentence} (python -m tools.pins compiles them)" if arguments.check else sentence, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
