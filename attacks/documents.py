"""What the shape of a body says: names and operators that no program of the API asked for, wherever in a JSON document they stand."""

import re
from functools import lru_cache

from attacks.per_call import injection

NAME = 256
"""Characters of a name that are judged."""

_usual = re.compile(r"[A-Za-z0-9_.:@/ -]*").fullmatch
_brackets = re.compile(r"[A-Za-z0-9_.$-]{0,64}(?:\[[A-Za-z0-9_.$-]{0,64}\]){0,8}").fullmatch
_lookup = re.compile(
    r"(?:password|passwd|pwd|secret|token|is_superuser|is_staff)\w{0,20}?__(?:i?startswith|i?contains|i?endswith|i?exact|i?regex|gte?|lte?|in|isnull)$",
    re.IGNORECASE,
).search
"""A look-up of Django's models through a column that no caller may ask for."""
_operator = re.compile(
    r"\[\s?\$(?:ne|gte?|lte?|nin?|in|regex|exists|or|and|not|eq|elemmatch|where|options|size|type|expr)\s?\]|(?:^|\.)\$(?:ne|where|regex|nin|exists|function|accumulator)$",
    re.IGNORECASE,
).search
_credential = re.compile(
    r"(?:^|[_.-])(?:pass\w*|pwd|passwd|secret|token|pin|otp|code|login|user\w*|e?mail|account|auth|session|role|admin|key|id|_id|hash|answer)$|password|passwort|username|userid",
    re.IGNORECASE,
).search
_tempting = re.compile(r"\^|\.[*+]|\.\{|\[|^\w?$").match
_gadget = re.compile(
    r"(?:com\.(?:sun|mchange|zaxxer|rometools|caucho|ibatis|mysql)|org\.(?:apache|hibernate|springframework|eclipse|h2|codehaus|mozilla|python|postgresql|jboss)|javax\.|sun\.|l?ch\.qos|oracle\.jdbc"
    r"|java\.(?:lang\.(?:autocloseable|runtime|processbuilder|thread|class|system)|net\.|rmi|io\.file|beans)|groovy\.|bsh\.)|\["
    r"|system\.(?!collections|string|u?int|guid|date|decimal|double|single|boolean|object|byte|char|uri|version|timespan|private|nullable|tuple|valuetuple|array|dynamic|text\.json)"
    r"|microsoft\.(?:visualstudio|exchange|powershell|identitymodel\.web|management|build)|(?:os|posix|nt|subprocess|builtins|pickle)\.(?:system|popen|eval|exec|call|run|loads)",
    re.IGNORECASE,
).match
_COMPARISONS = frozenset(
    ["$ne", "$gt", "$gte", "$lt", "$lte", "$nin", "$in", "$not", "$regex", "$exists", "$eq", "$elemmatch", "$type", "$size", "$mod", "$all"]
)
_CODE = frozenset(["$where", "$function", "$accumulator"])
_CLASSES = frozenset(
    [
        "$type",
        "@type",
        "@class",
        "!type",
        "__type",
        "__class__",
        "class",
        "javaclass",
        "py/object",
        "py/reduce",
        "py/type",
        "py/function",
        "json_class",
        "_type",
    ]
)
PROTOTYPE = "prototype-pollution"
NODES = 50_000
"""Members and elements of one document that are looked at."""


def name_attack(name: str) -> str | None:
    """The family of attack that a name of a parameter, a form field or a member of JSON is, or None."""
    return _judged(name) if len(name) <= NAME else injection(name[:NAME])


@lru_cache(8192)
def _judged(name: str) -> str | None:
    lower = name.lower()
    if "__proto__" in lower or ("constructor" in lower and "prototype" in lower):
        return PROTOTYPE
    if "$" in name and _operator(name):
        return "nosql"
    if "__" in lower and _lookup(name):
        return "sql"
    if "classloader" in lower:
        return "template"
    if _usual(name) and ".." not in name and "--" not in name and " " not in name.strip():
        return None
    if _brackets(name) or (name[:1] == "$" and name[1:].isalnum()):
        return None
    return injection(name)


def document_attack(document: object) -> str | None:
    """The family of the first attack in the shape of a decoded JSON document: an operator of a document database where a value belongs, a prototype, a class
    that a polymorphic reader is told to build. Values for themselves are not judged."""
    waiting: list[tuple[str, object]] = [("", document)]
    for _ in range(NODES):
        if not waiting:
            return None
        parent, node = waiting.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                if not key.isalnum() and (family := _member(key, value, parent)) is not None:
                    return family
                if isinstance(value, dict):
                    if key == "constructor" and "prototype" in value:
                        return PROTOTYPE
                    waiting.append((key, value))
                elif isinstance(value, list):
                    waiting.append((key if key[:1] != "$" else parent, value))
                elif key == "class" and isinstance(value, str) and _gadget(value):
                    return "deserialisation"
        elif isinstance(node, list):
            if (
                len(node) == 2
                and isinstance(node[0], str)
                and not isinstance(node[1], (list, int, float))
                and _gadget(node[0])
                and node[0][0] != "["
            ):
                return "deserialisation"
            waiting.extend((parent, element) for element in node if isinstance(element, (dict, list)))
    return None


def _member(key: str, value: object, parent: str) -> str | None:
    if key[:1] == "$":
        operator = key.lower()
        if operator in _CODE:
            return "nosql"
        if operator in _COMPARISONS and parent and _compared(operator, value, parent):
            return "nosql"
        if operator in ("$or", "$and", "$nor") and isinstance(value, list) and {} in value:
            return "nosql"
    if isinstance(value, str) and key.lower() in _CLASSES and _gadget(value):
        return "deserialisation"
    return name_attack(key) if key[:1] != "$" or not key[1:].isalnum() else None


def _compared(operator: str, operand: object, field: str) -> bool:
    """Whether a comparison stands where a value was asked for: with nothing, with anything, or with what is somebody's own."""
    if _credential(field):
        return True
    if operator == "$ne":
        return operand is None or operand in ("", 0, -1, 1, True, False, [], {}) or (isinstance(operand, str) and len(operand) < 3)
    if operator in ("$gt", "$gte", "$lt", "$lte"):
        return operand is None or operand in ("", {}, [])
    if operator == "$regex":
        return isinstance(operand, str) and _tempting(operand) is not None and len(operand) < 4
    return operator == "$nin" and operand in ([], [""], [None])
