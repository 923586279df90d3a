"""A tenant's own information types, from YAML or JSON, refused with the type's name and the reason if they could do harm."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from classifiers.checks import CHECKS, Check, stdnum
from classifiers.information_type import Confidence, Example, Grades, InformationType

try:
    import hyperscan
except ImportError:  # pragma: no cover - no wheel for this platform
    hyperscan = None  # type: ignore[assignment]

MAX_TYPES = 200
MAX_PATTERN = 500
"""Characters of a pattern."""
MAX_WIDTH = 256
"""Characters that a pattern may take: what is looked at around a hit is a few times as much."""
MAX_WAYS = 1_000
"""Ways in which a pattern may take one text: what a failing match may have to try at each place."""

_KEYS = {"id", "name", "pattern", "keywords", "validator", "examples", "counterexamples", "confidence"}
_ID = re.compile(r"[a-z][a-z0-9_.-]{1,63}")
_parser = re._parser  # type: ignore[attr-defined]
_REPEATS = (_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT)


class CustomTypeError(ValueError):
    """Names the type and says why it is refused."""


def load(text: str, known: frozenset[str] = frozenset()) -> tuple[InformationType, ...]:
    """The types of a YAML or JSON text: a list, or `types:` with a list. `known` are ids that are taken.

    Raises CustomTypeError. A type: {id, name?, pattern, keywords?, validator?, confidence?: high | medium | low, examples, counterexamples};
    an example is a text or {key: text}.
    """
    import yaml  # here: discovery imports this module at every start, and only a tenant's own types need it

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise CustomTypeError(
            f"the file is neither YAML nor JSON{where}: {getattr(error, 'problem', None) or type(error).__name__}"
        ) from None
    if isinstance(content, dict) and set(content) == {"types"}:
        content = content["types"]
    if not isinstance(content, list) or not content:
        raise CustomTypeError("the file must hold a list of types, or `types:` with a list")
    if len(content) > MAX_TYPES:
        raise CustomTypeError(f"the file holds {len(content)} types, more than {MAX_TYPES}")
    types: dict[str, InformationType] = {}
    for number, entry in enumerate(content, 1):
        kind = _type(entry, number)
        if kind.id in known or kind.id in types:
            raise CustomTypeError(f"type {kind.id!r}: the id is taken")
        types[kind.id] = kind
    return tuple(types.values())


def _type(entry: object, number: int) -> InformationType:
    if not isinstance(entry, dict):
        raise CustomTypeError(f"type number {number} is no object with id, pattern, examples and counterexamples")
    id = entry.get("id")
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise CustomTypeError(f"type number {number}: `id` must be 2 to 64 of a-z, 0-9, `_`, `.` and `-`, beginning with a letter")
    for key in entry:
        if key not in _KEYS:
            raise CustomTypeError(f"type {id!r}: unknown field {str(key)[:40]!r}; known are {', '.join(sorted(_KEYS))}")
    pattern = entry.get("pattern")
    if not isinstance(pattern, str) or not pattern:
        raise CustomTypeError(f"type {id!r}: `pattern` is missing")
    reason = harm(pattern)
    if reason is not None:
        raise CustomTypeError(f"type {id!r}: the pattern {reason}")
    name = entry.get("name", id)
    keywords = entry.get("keywords", [])
    if not isinstance(name, str) or not 1 <= len(name) <= 100:
        raise CustomTypeError(f"type {id!r}: `name` must be a text of at most 100 characters")
    if not isinstance(keywords, list) or not all(isinstance(k, str) and 1 < len(k) <= 64 for k in keywords) or len(keywords) > 100:
        raise CustomTypeError(f"type {id!r}: `keywords` must be a list of at most 100 words of 2 to 64 characters")
    confidence = entry.get("confidence", "high" if keywords else "medium")
    if confidence not in ("high", "medium", "low"):
        raise CustomTypeError(f"type {id!r}: `confidence` must be high, medium or low")
    kind = InformationType(
        id=id,
        name=name,
        family="custom",
        pattern=pattern,
        shapes=(pattern,),
        check=_check(id, entry),
        words=tuple(keywords),
        grades=_grades(confidence, bool(keywords)),
        rarity=0.01,
        examples=_examples(id, entry, "examples"),
        counterexamples=_examples(id, entry, "counterexamples"),
    )
    _prove(kind)
    return kind


def _grades(confidence: Confidence, named: bool) -> Grades:
    """With keywords a type is found under them at its confidence, elsewhere one level lower; without, everywhere at its confidence."""
    if not named:
        return Grades(confidence, confidence, confidence, confidence, confidence, None)
    lower: dict[Confidence, Confidence | None] = {"high": "medium", "medium": "low", "low": None}
    return Grades(confidence, confidence, confidence, lower[confidence], lower[confidence], None)


def _check(id: str, entry: Mapping[str, Any]) -> Check | None:
    name = entry.get("validator")
    if name is None:
        return None
    if isinstance(name, str):
        if name in CHECKS:
            return CHECKS[name]
        if re.fullmatch(r"stdnum:[a-z0-9_]{2,20}(?:\.[a-z0-9_]{2,20})?", name):
            check = stdnum(name[7:])
            try:
                check("0")
            except (ImportError, AttributeError):
                pass
            else:
                return check
    raise CustomTypeError(
        f"type {id!r}: no validator is called {str(name)[:40]!r}; there are {', '.join(sorted(CHECKS))} and stdnum:<module>"
    )


def _examples(id: str, entry: Mapping[str, Any], field: str) -> tuple[Example, ...]:
    given = entry.get(field)
    if not isinstance(given, list) or len(given) < 2 or len(given) > 100:
        raise CustomTypeError(f"type {id!r}: `{field}` must be a list of two or more")
    found: list[Example] = []
    for item in given:
        if isinstance(item, str):
            found.append(("value", item))
        elif isinstance(item, dict) and len(item) == 1 and all(isinstance(k, str) and isinstance(v, str) for k, v in item.items()):
            found.extend(item.items())
        else:
            raise CustomTypeError(f"type {id!r}: each of `{field}` must be a text or {{key: text}}")
    return tuple(found)


def _prove(kind: InformationType) -> None:
    """Its examples are found and its counterexamples are not, by the real thing. The message never quotes them: they may be real."""
    from classifiers.taxonomy import Taxonomy
    from classifiers.text_values import Part

    taxonomy = Taxonomy((kind,), plain=True)
    for field, texts, expected in (("example", kind.examples, True), ("counterexample", kind.counterexamples, False)):
        for number, (key, text) in enumerate(texts, 1):
            found = taxonomy.classify([Part("request.query", None, None, f"{_quote(key)}={_quote(text)}")])
            if any(f.type == kind.id for f in found) is not expected:
                raise CustomTypeError(f"type {kind.id!r}: {field} {number} is {'not found' if expected else 'found'}")


def _quote(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def harm(pattern: str) -> str | None:
    """Why a pattern must not be run on what strangers send, or None: what it can match, how it can backtrack, what the scan can compile."""
    if len(pattern) > MAX_PATTERN:
        return f"is longer than {MAX_PATTERN} characters"
    try:
        tree = _parser.parse(pattern)
        compiled = re.compile(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    if tree.state.flags & re.DOTALL:
        return _FORBIDDEN["ANY_ALL"]
    if tree.getwidth()[0] == 0 or compiled.match(""):
        return "can match the empty text"
    reason = _forbidden(tree)
    if reason is not None:
        return reason
    if tree.getwidth()[1] > MAX_WIDTH:
        return f"can take more than {MAX_WIDTH} characters; give its repeats a bound ({{1,40}} for +)"
    if _ways(tree, frozenset()) > MAX_WAYS:
        return "can take one text in too many ways (repeats within repeats, or neighbours of the same characters): it could run for ever"
    if hyperscan is not None:
        try:
            database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            database.compile(expressions=[pattern.encode()], ids=[0], elements=1, flags=0)
        except (hyperscan.HyperscanError, ValueError) as error:
            return f"cannot be scanned for: {str(error)[:120]}"
    return None


_FORBIDDEN = {
    "ASSERT": "looks ahead or behind, which the scan cannot",
    "ASSERT_NOT": "looks ahead or behind, which the scan cannot",
    "GROUPREF": "refers back to a group, which the scan cannot",
    "GROUPREF_EXISTS": "refers back to a group, which the scan cannot",
    "ANY_ALL": "lets `.` cross line ends",
}


def _forbidden(items: Any) -> str | None:
    """What the scan cannot do, and line ends: the scan sees all texts of a call at once, a line each."""
    for op, argument in items:
        name = str(op)
        if name in _FORBIDDEN:
            return _FORBIDDEN[name]
        reason = None
        if op in _REPEATS:
            reason = _forbidden(argument[2])
        elif op is _parser.SUBPATTERN:
            reason = _forbidden(argument[3])
        elif op is _parser.BRANCH:
            reason = next(filter(None, map(_forbidden, argument[1])), None)
        elif (
            (op is _parser.NOT_LITERAL and argument != 10)
            or (op is _parser.LITERAL and argument == 10)
            or (op is _parser.IN and 10 in _members(argument))
        ):
            reason = r"can cross a line end; leave \n out of its classes ([^;\n] for [^;], a blank for \s)"
        if reason is not None:
            return reason
    return None


def _ways(items: Any, after: frozenset[int]) -> int:
    """In how many ways the parts can share out one text, at most: `after` are the characters with which what follows can begin."""
    total = 1
    for op, argument in reversed(list(items)):
        if op in _REPEATS:
            low, high, inner = argument
            high = min(int(high), 10_000)
            here = _firsts(inner)
            within = _ways(inner, here | after if high > 1 else after)
            total *= min(within ** min(high, 64), 10**9)
            if high > low and not here.isdisjoint(after):
                total *= high - low + 1
            after = here | after if low == 0 else here
        elif op is _parser.SUBPATTERN:
            total *= _ways(argument[3], after)
            after = _firsts(argument[3]) if argument[3].getwidth()[0] else _firsts(argument[3]) | after
        elif op is _parser.BRANCH:
            branches = argument[1]
            ways = [_ways(branch, after) for branch in branches]
            firsts = [_firsts(branch) for branch in branches]
            alike = sum(map(len, firsts)) > len(frozenset().union(*firsts))
            total *= sum(ways) if alike else max(ways)
            union = frozenset().union(*firsts)
            after = union if all(branch.getwidth()[0] for branch in branches) else union | after
        elif str(op) != "AT":
            after = _firsts([(op, argument)])
        total = min(total, 10**9)
    return total


_CATEGORIES: dict[str, Callable[[int], bool]] = {
    "CATEGORY_DIGIT": lambda c: 48 <= c <= 57,
    "CATEGORY_WORD": lambda c: chr(c).isalnum() or c == 95,
    "CATEGORY_SPACE": lambda c: c in (9, 10, 11, 12, 13, 32),
    "CATEGORY_NOT_DIGIT": lambda c: not 48 <= c <= 57,
    "CATEGORY_NOT_WORD": lambda c: not (chr(c).isalnum() or c == 95),
    "CATEGORY_NOT_SPACE": lambda c: c not in (9, 10, 11, 12, 13, 32),
}
_ASCII = frozenset(range(128))


def _members(members: Any) -> frozenset[int]:
    """The ASCII characters of a class."""
    found: set[int] = set()
    negated = False
    for op, argument in members:
        if op is _parser.NEGATE:
            negated = True
        elif op is _parser.LITERAL:
            found.add(argument)
        elif op is _parser.RANGE:
            found.update(range(argument[0], min(argument[1], 127) + 1))
        else:
            found.update(c for c in _ASCII if _CATEGORIES[str(argument)](c))
    return _ASCII - found if negated else frozenset(found) & _ASCII


def _firsts(items: Any) -> frozenset[int]:
    """The ASCII characters with which a part can begin."""
    found: set[int] = set()
    for op, argument in items:
        if op is _parser.LITERAL:
            return frozenset(found | {argument})
        if op is _parser.NOT_LITERAL:
            return frozenset(found | (_ASCII - {argument}))
        if op is _parser.IN:
            return frozenset(found | _members(argument))
        if op is _parser.ANY:
            return frozenset(found | (_ASCII - {10}))
        if op is _parser.SUBPATTERN:
            inner = argument[3]
            found |= _firsts(inner)
            if inner.getwidth()[0]:
                return frozenset(found)
        elif op is _parser.BRANCH:
            for branch in argument[1]:
                found |= _firsts(branch)
            if all(branch.getwidth()[0] for branch in argument[1]):
                return frozenset(found)
        elif op in _REPEATS:
            found |= _firsts(argument[2])
            if argument[0] and argument[2].getwidth()[0]:
                return frozenset(found)
    return frozenset(found)
