"""Bodies as real APIs write them: what they hold is found, and what holds nothing claims nothing."""

import pytest

from classifiers.taxonomy import Taxonomy
from classifiers.text_values import Part
from tests.classifiers.bodies import bodies

TAXONOMY = Taxonomy()
BODIES = bodies()


def claimed(content_type: str, text: str) -> set[str]:
    found = TAXONOMY.classify([Part("request.body", None, content_type, text)])
    return {one.type for one in found if one.confidence != "low"}


def test_there_are_enough_of_them() -> None:
    assert len(BODIES) >= 60


@pytest.mark.parametrize(("content_type", "text", "types"), [body[1:] for body in BODIES], ids=[body[0] for body in BODIES])
def test_a_body(content_type: str, text: str, types: set[str]) -> None:
    assert claimed(content_type, text) == types
