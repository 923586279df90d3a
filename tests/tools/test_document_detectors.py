"""The page of detectors is what the detectors say."""

from detectors import discovered
from tools.document_detectors import TARGET, document


def test_the_page_is_current_and_names_every_detector_and_limit() -> None:
    page = TARGET.read_text("utf-8")
    assert page == document()
    for one in discovered():
        assert f'## <a id="{one.name}"></a>{one.id}' in page
        assert all(f"| `{name}` | {value} |" in page for name, value in one.limits.items())
