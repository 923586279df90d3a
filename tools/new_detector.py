"""Starts a detector with its test: `python -m tools.new_detector options_probe API_OptionsProbe`, or `make new-detector NAME=options_probe ID=API_OptionsProbe`.

What it writes is silent and runs: replace what says TODO. The proof goes into tools/proofs.py, and docs/detectors.md is generated.
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


@detector(
    id="{id}",
    title="TODO",
    severity=Severity.LOW,
    sees="TODO.",
    causes="TODO: an attack; or something harmless.",
    remediation=("TODO.",),
    tactic="Discovery",  # of MITRE ATT&CK
    techniques=("T1595",),
    owasp_2019=(),
    owasp_2023=(),
    service=True,  # False: asked about one endpoint's windows; windows/window.py says what each has
)
def {name}(
    window: Window,
    baseline: Baseline,  # noqa: ARG001  TODO: a rule needs no baseline
    *,
    floor: int = 20,  # TODO: calls of one IP at least, and why
) -> Iterator[Sighting]:
    """TODO: the rule, as the documentation shows it."""
    for ip in window.touched - NOBODY:
        n = window.ips[0].get(ip, 0)
        if n >= floor and False:  # noqa: SIM223  TODO: the rule
            yield Sighting(n, threshold=floor - 1, unit="calls", actor=ip)
'''
TEST = '''"""TODO: what {id} finds, and what it leaves alone."""

import pytest

from detectors.{name} import {name}
from model import service_endpoint
from tests.build import ENDPOINT, IP, baseline, window


@pytest.mark.parametrize(
    ("case", "calls", "found"),
    [
        ("nothing", 0, []),
        # TODO: exactly enough, and one less
    ],
)
def test_{name}(case: str, calls: int, found: list[float]) -> None:
    made = window(endpoint=service_endpoint("contoso"), routes=[(IP, 200, ENDPOINT)] * calls)
    assert [sighting.observed for sighting in {name}(made, baseline())] == found, case
'''


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
    print(
        f"""wrote {", ".join(str(path.relative_to(ROOT)) for path in files)}; next:
  1. write the test, then the rule:      .venv/bin/python -m pytest tests/detectors/test_{name}.py tests/detectors/test_contract.py
  2. its smallest attack:                a function in `proofs()` of tools/proofs.py; .venv/bin/python -m pytest tests/tools/test_prove.py -k {id}
  3. the page that is generated:         .venv/bin/python -m tools.document_detectors
  4. a line under Added:                 CHANGELOG.md""",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
