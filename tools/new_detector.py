"""Starts a detector with its test: `python -m tools.new_detector options_probe API_OptionsProbe`, or `make new-detector NAME=options_probe ID=API_OptionsProbe`.

What it writes runs and passes every check: a rule that counts the calls of one IP, with a limit so high that it is silent. Replace what says TODO. It prints the proof,
which goes into tools/proofs.py; docs/detectors.md is generated.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
DETECTOR = '''"""TODO: what was seen, in one sentence."""

from collections.abc import Iterator

from detectors import detector
from model import NOBODY, Severity, Sighting
from windows.baseline import Baseline
from windows.window import Window


@detector(  # the class Detector in detectors/__init__.py says what each field means, and which others there are
    id="{id}",
    title="TODO",
    severity=Severity.LOW,
    sees="TODO.",
    causes="TODO: an attack; or something harmless.",
    remediation=("TODO.",),
    tactic="Discovery",  # of MITRE ATT&CK
    techniques=("T1595",),
    owasp_2019=("API9",),  # TODO: of the OWASP API Security Top 10, API1 to API10
    owasp_2023=("API9",),
    service=True,  # False: asked about one endpoint's windows; windows/window.py says what each has
)
def {name}(
    window: Window,
    baseline: Baseline,  # noqa: ARG001  TODO: why the rule needs no history; without this comment, if it does
    *,
    calls: int = 1_000_000_000,  # TODO: of one IP at least, and why; so many keep it silent until the rule is written
) -> Iterator[Sighting]:
    """TODO: the rule, as the documentation shows it."""
    for ip in window.touched:
        found = window.ips[0].get(ip, 0)  # TODO: the rule
        if found >= calls and ip not in NOBODY:
            yield Sighting(found, threshold=calls - 1, unit="calls", actor=ip)
'''
TEST = '''"""TODO: what {id} finds, and what it leaves alone."""

import pytest

from detectors.{name} import {name}
from model import service_endpoint
from tests.build import ENDPOINT, IP, baseline, window

CALLS = 3  # TODO: {name}.limits["calls"], once the rule is written


@pytest.mark.parametrize(
    ("case", "ip", "calls", "found"),
    [
        ("nothing", IP, 0, []),
        ("one call less", IP, CALLS - 1, []),
        ("exactly enough", IP, CALLS, [CALLS]),
        ("an unknown IP is nobody", "", CALLS, []),
    ],
)
def test_{name}(case: str, ip: str, calls: int, found: list[float]) -> None:
    made = window(endpoint=service_endpoint("contoso"), routes=[(ip, 200, ENDPOINT)] * calls)
    assert [sighting.observed for sighting in {name}(made, baseline(), calls=CALLS)] == found, case
'''
PROOF = """
    {name}_calls = int(_limits("{id}")["calls"])  # a name of its own: the proof reads it later
    yield _counted("{id}", lambda scene: [scene.call(scene.at, clientIp=scene.attacker) for _ in range({name}_calls)])
"""
NEXT = """wrote {files}; next:
  1. the test, then the rule; both say TODO:
       .venv/bin/python -m pytest tests/detectors/test_{name}.py tests/detectors/test_contract.py
  2. the proof, its smallest attack, at the end of one of the functions that proofs() of tools/proofs.py names, such as:
{proof}
       .venv/bin/python -m pytest tests/tools/test_prove.py -k "{id} or has_a_proof"
  3. the page that is generated:
       make pages
  4. a line under Added in CHANGELOG.md
"""


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 2 or not re.fullmatch(r"[a-z][a-z0-9_]*", given[0]) or not re.fullmatch(r"API_[A-Z][A-Za-z]*", given[1]):
        print("give a name and an id, such as: make new-detector NAME=options_probe ID=API_OptionsProbe", file=sys.stderr)
        return 2
    name, id = given
    files = {ROOT / "detectors" / f"{name}.py": DETECTOR, ROOT / "tests" / "detectors" / f"test_{name}.py": TEST}
    if there := [str(path.relative_to(ROOT)) for path in files if path.exists()]:
        print(f"{', '.join(there)} is there already", file=sys.stderr)
        return 1
    for path, text in files.items():
        path.write_text(text.format(name=name, id=id), "utf-8")
    written = ", ".join(str(path.relative_to(ROOT)) for path in files)
    print(NEXT.format(files=written, name=name, id=id, proof=PROOF.format(name=name, id=id)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
