"""Which kind of credential a text of the configuration is, by the classifiers of information types; never the text itself."""

import json
from functools import cache

from classifiers.taxonomy import Taxonomy, discover
from classifiers.text_values import Part

FAMILIES = frozenset({"secret", "secret_azure"})


@cache
def _taxonomy() -> Taxonomy:
    return Taxonomy([kind for kind in discover() if kind.family in FAMILIES], plain=True)


@cache
def _names() -> dict[str, str]:
    return {kind.id: kind.name for kind in _taxonomy().types}


def credential(name: str, text: str) -> str:
    """The name of the credential type that `text`, called `name`, holds; "" for none."""
    if not text:
        return ""
    part = Part("request.body", None, "application/json", json.dumps({name: text}))
    found = [one for one in _taxonomy().classify([part]) if one.confidence != "low"]
    return _names()[found[0].type] if found else ""
