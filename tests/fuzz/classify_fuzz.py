"""Fuzzing the classifier with atheris: `python tests/fuzz/classify_fuzz.py -max_total_time=120`; any exception is a crash, and so is a value that text_values."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["classifiers"]):
    from classifiers.taxonomy import Taxonomy, discover
    from classifiers.text_values import Part
from tests.fuzz.runner import run

TAXONOMY = Taxonomy()
VALUE = re.compile(r"\d{6}|\w@\w")
PLAIN = Taxonomy(plain=True)
PLACES = ["request.path", "request.query", "request.header", "request.body", "response.header", "response.body"]
CONTENT_TYPES = [
    "application/json",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "text/csv",
    "text/plain",
    "application/x-ndjson",
    None,
]
NAMES = [None, "iban", "cookie", "set-cookie", "Authorization", "/a/{id}/b", "value", "x" * 70]


def test_one_input(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    parts = []
    for _ in range(provider.ConsumeIntInRange(1, 3)):
        where = provider.PickValueInList(PLACES)
        name = provider.PickValueInList(NAMES) if provider.ConsumeBool() else provider.ConsumeUnicode(20)
        content_type = provider.PickValueInList(CONTENT_TYPES)
        size = provider.ConsumeIntInRange(0, 4_000)
        text = provider.ConsumeBytes(size) if provider.ConsumeBool() else provider.ConsumeUnicode(size)
        parts.append(Part(where, name, content_type, text))
    found = TAXONOMY.examine(parts).found
    for item in found:
        assert not VALUE.search(item.path), "a value is part of a path"
        assert not VALUE.search(item.general_path), "a value is part of a path"
    if len(data) % 16 == 0:  # the second engine is slow: now and then is enough to see that both agree
        assert sorted(found, key=str) == sorted(PLAIN.examine(parts).found, key=str)


def seeds() -> Iterator[bytes]:
    """Every example of every type is a seed, so that the fuzzer starts where something is found."""
    for kind in discover():
        for key, text in (*kind.examples, *kind.counterexamples):
            yield f'{{"{key}": "{text}"}}'.encode("utf-8", "replace")


if __name__ == "__main__":
    run("classify", test_one_input, seeds())
