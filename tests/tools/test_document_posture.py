"""docs/posture.md is what the assessments say."""

from posture.assessments import discovered
from tools.document_posture import document, main


def test_the_page_is_current() -> None:
    assert main(["--check"]) == 0


def test_every_assessment_has_its_row_and_its_steps() -> None:
    page = document()
    for one in discovered():
        assert f"[{one.id}](#{one.id})" in page
        assert f'<a id="{one.id}"></a>' in page
        assert all(step in page for step in one.steps)
