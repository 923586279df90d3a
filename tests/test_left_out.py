"""A run that left tests out says so, and CI does not take it for a whole one."""

import pytest

from tests.left_out import fails_ci, lines

NO_BICEP = "no Bicep compiler on the PATH or in BICEP"


@pytest.mark.parametrize(
    ("reasons", "told", "fails"),
    [
        ([], [], False),
        ([NO_BICEP] * 3, [f"3 tests were left out: {NO_BICEP}. To run them: az bicep install (or put bicep on the PATH, or its path into BICEP)"], True),
        (["missing: mcs, mono"], ["1 tests were left out: missing: mcs, mono. To run them: make system (on Debian and Ubuntu)"], True),
        (["atheris has no wheels here"], ["1 tests were left out: atheris has no wheels here. Nothing brings them here."], False),
        (["GATEWATCH_SAMPLES names no folder"], None, False),
    ],
)  # fmt: skip
def test_what_was_left_out_is_told(reasons: list[str], told: list[str] | None, fails: bool) -> None:
    if told is not None:
        assert lines(reasons) == told
    assert fails_ci(reasons) is fails
