"""A tenant's own types: what is accepted works, what is refused says which type and why."""

import json

import pytest

from classifiers.custom import CustomTypeError, harm, load
from classifiers.taxonomy import Taxonomy
from classifiers.text_values import Part

GOOD = {
    "id": "employee_number",
    "name": "Employee number",
    "pattern": "EMP-[0-9]{6}",
    "keywords": ["employee number", "staff id"],
    "examples": [{"employeeNumber": "EMP-123456"}, {"note": "staff id EMP-654321 please"}],
    "counterexamples": ["EMP-12", {"employeeNumber": "unknown"}],
}
YAML = """
types:
  - id: customer_card
    pattern: '77[0-9]{14}'
    validator: luhn
    confidence: medium
    keywords: [customer card]
    examples: [{customerCard: '7700000000000008'}, {customerCard: "7712345678901235"}]
    counterexamples: [{customerCard: '7700000000000009'}, {customerCard: 'none'}]
"""


def write(**changes: object) -> str:
    return json.dumps([{k: v for k, v in (GOOD | changes).items() if v is not None}])


def test_json_and_yaml_are_loaded_and_work() -> None:
    taxonomy = Taxonomy(custom=(*load(write()), *load(YAML)))
    found = taxonomy.classify(
        [
            Part(
                "request.body",
                None,
                "application/json",
                json.dumps(
                    {"employeeNumber": "EMP-123456", "customerCard": "7700000000000008", "x": "EMP-111111", "orderNumber": "EMP-111112"}
                ),
            )
        ]
    )
    assert {(f.type, f.path, f.confidence) for f in found} == {
        ("employee_number", "$.employeeNumber", "high"),
        ("customer_card", "$.customerCard", "medium"),
        ("employee_number", "$.x", "medium"),
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "Bad Id"}, "type number 1: `id`"),
        ({"id": None}, "type number 1: `id`"),
        ({"colour": "red"}, "employee_number.*unknown field 'colour'"),
        ({"pattern": None}, "employee_number.*`pattern` is missing"),
        ({"pattern": "("}, "employee_number.*no regular expression"),
        ({"pattern": "[0-9]*"}, "employee_number.*empty"),
        ({"pattern": "(a+)+b"}, "employee_number.*bound"),
        ({"pattern": "(a{1,9}){1,9}b"}, "employee_number.*too many ways"),
        ({"pattern": "(?=x)y"}, "employee_number.*ahead"),
        ({"pattern": "(x)y\\1"}, "employee_number.*back"),
        ({"pattern": "[^;]{3}"}, "employee_number.*line end"),
        ({"pattern": "x" * 501}, "employee_number.*longer"),
        ({"examples": ["EMP-123456"]}, "employee_number.*two or more"),
        ({"examples": ["EMP-123456", 7]}, "employee_number.*each of `examples`"),
        ({"examples": ["EMP-123456", "EMP-1"]}, "employee_number.*example 2 is not found"),
        ({"counterexamples": ["EMP-1", "EMP-123456"]}, "employee_number.*counterexample 2 is found"),
        ({"counterexamples": None}, "employee_number.*counterexamples"),
        ({"confidence": "certain"}, "employee_number.*confidence"),
        ({"validator": "no_such"}, "employee_number.*validator.*no_such"),
        ({"validator": "stdnum:os.system"}, "employee_number.*validator"),
        ({"keywords": "one"}, "employee_number.*keywords"),
        ({"name": ""}, "employee_number.*name"),
    ],
)
def test_refusals_name_the_type_and_the_reason(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(CustomTypeError, match=reason):
        load(write(**changes))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "list of types"),
        ("[]", "list of types"),
        ("{", "neither YAML nor JSON"),
        ("[1]", "type number 1"),
        ("a: !!python/object:os.system {}", "neither YAML nor JSON"),
        ("types: 7", "list of types"),
    ],
)
def test_files_that_are_none(text: str, reason: str) -> None:
    with pytest.raises(CustomTypeError, match=reason):
        load(text)


def test_taken_ids_are_refused() -> None:
    with pytest.raises(CustomTypeError, match=r"employee_number.*taken"):
        load(write(), frozenset({"employee_number"}))
    with pytest.raises(CustomTypeError, match=r"employee_number.*taken"):
        load(json.dumps([GOOD, GOOD]))


def test_messages_never_quote_an_example() -> None:
    with pytest.raises(CustomTypeError) as refusal:
        load(write(examples=["EMP-123456", "secret-value-4711"]))
    assert "4711" not in str(refusal.value)


@pytest.mark.parametrize(
    "pattern", ["EMP-[0-9]{6}", r"\b[A-Z]{2}-?\d{6,10}\b", r"(\d{2,4}-){2,3}\d", r"[a-z]{2,20}\.[a-z]{2,20}@corp", "(?i)emp[0-9]{4}"]
)
def test_usual_patterns_are_accepted(pattern: str) -> None:
    assert harm(pattern) is None


@pytest.mark.parametrize("pattern", [r"(\w{1,9}x){1,9}", "(a|b|ab){1,20}c", r"\s{2}b", "a.*b", "(?s).x", "[", "x{1,2000}", "(?<!a)b"])
def test_harmful_patterns_are_refused(pattern: str) -> None:
    assert harm(pattern) is not None


def test_validators_by_name() -> None:
    types = load(
        write(
            pattern="[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]",
            validator="stdnum:it.codicefiscale",
            examples=[{"staffId": "RCCMNL83S18D969H"}, "RCCMNL83S18D969H"],
            counterexamples=["RCCMNL83S18D969A", "x"],
        )
    )
    assert types[0].check is not None
