"""The page of addresses is what the table of routes says."""

from tools.document_api import DESCRIBED, TARGET, document
from web.routes import RESOURCES


def test_the_page_is_current_and_names_every_address() -> None:
    page = TARGET.read_text("utf-8")
    assert page == document(), "run `python -m tools.document_api`"
    assert all(f"`{method} /api/{one.path}`" in page for one in RESOURCES for method in one.methods)


def test_every_description_is_of_an_address() -> None:
    assert DESCRIBED.keys() == {(one.name, method) for one in RESOURCES for method in one.methods}
