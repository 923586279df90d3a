"""How every fuzzer here runs: `python tests/fuzz/NAME_fuzz.py -max_total_time=120`, or with a file, to look at a crash again."""

import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]


def run(name: str, one_input: Callable[[bytes], None], seeds: Iterable[bytes]) -> None:
    """libFuzzer's own arguments pass; without one, a crash is written into the folder for temporary files. Does not return."""
    if any(Path(argument).is_file() for argument in sys.argv[1:]):
        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()
        return
    told = any(argument.startswith("-artifact_prefix=") for argument in sys.argv)
    artefacts = [] if told else [f"-artifact_prefix={tempfile.gettempdir()}/{name}-"]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / f"{number:05d}").write_bytes(seed)
        atheris.Setup([*sys.argv, *artefacts, folder], one_input)
        atheris.Fuzz()
