"""The fuzz target starts and passes over its seeds; how long it really fuzzes is for the build that runs it alone to say."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

TARGET = Path(__file__).parents[1] / "fuzz" / "classify_fuzz.py"


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has wheels for Linux on x86_64 only, and none is installed"
)
def test_the_fuzz_target_runs() -> None:
    run = subprocess.run([sys.executable, str(TARGET), "-runs=2000", "-seed=1"], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert "Done 2000 runs" in run.stderr
