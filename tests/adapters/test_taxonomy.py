"""The deployment's information types: compiled once and kept, own ones added, built-in ones switched off, mistakes said and survived."""

import logging

import pytest

from adapters.evidence import CONFIGURATION, Evidence
from adapters.taxonomy import OFF, OWN, stored
from classifiers.taxonomy import Taxonomy
from classifiers.text_values import Part

BODY = Part("response.body", None, "application/json", '{"iban": "NL91ABNA0417164300", "ticket": "GW-123456"}')
TICKET = """
- id: ticket
  pattern: GW-[0-9]{6}
  keywords: [ticket]
  examples: [GW-123456, GW-654321]
  counterexamples: [GW-12, XW-123456]
"""


def seen(taxonomy: Taxonomy) -> set[str]:
    return {found.type for found in taxonomy.classify([BODY]) if found.confidence != "low"}


def test_what_was_compiled_is_kept_for_the_next_instance(evidence: Evidence) -> None:
    first = stored(evidence)
    assert first.recompiled == (first.engine == "hyperscan")
    second = stored(evidence)
    assert not second.recompiled
    assert seen(second) == {"iban"}


def test_what_another_engine_compiled_is_compiled_anew(evidence: Evidence) -> None:
    taxonomy = stored(evidence)
    evidence.put(CONFIGURATION, f"taxonomy/{taxonomy.fingerprint}", b"junk")
    assert seen(stored(evidence)) == {"iban"}


def test_own_types_and_types_that_are_switched_off(evidence: Evidence) -> None:
    evidence.put(CONFIGURATION, OWN, TICKET.encode())
    evidence.put(CONFIGURATION, OFF, b"iban  # ours are public\n\n")
    assert seen(stored(evidence)) == {"ticket"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (OWN, TICKET.replace("GW-[0-9]{6}", "(a+)+b").encode(), "ticket"),
        (OWN, b"\xff\xfe", "not UTF-8"),
        (OWN, b"{", "neither YAML nor JSON"),
        (OFF, b"ibann", "ibann"),
    ],
)
def test_mistakes_are_said_and_survived(evidence: Evidence, caplog: pytest.LogCaptureFixture, name: str, content: bytes, said: str) -> None:
    evidence.put(CONFIGURATION, name, content)
    with caplog.at_level(logging.ERROR):
        assert seen(stored(evidence)) == {"iban"}
    assert said in caplog.text
