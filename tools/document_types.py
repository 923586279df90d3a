"""Writes docs/information-types.md from the types themselves: `python -m tools.document_types [--check]`."""

import sys
from itertools import groupby
from pathlib import Path

from classifiers.information_type import POSSIBLE, InformationType
from classifiers.taxonomy import discover
from tools.generated import command

TARGET = Path(__file__).parent.parent / "docs" / "information-types.md"

_FAMILIES = {
    "financial": "Financial",
    "national_id_eu": "National identification numbers, European Union",
    "tax_id_eu": "Tax and social security numbers, European Union",
    "eu_vat": "VAT numbers, European Union",
    "national_id_other": "National identification numbers, other countries",
    "documents": "Documents",
    "contact": "Contact and network",
    "health": "Health",
    "secret_azure": "Secrets, Azure",
    "secret": "Secrets, other",
}

_HEAD = """# Information types

Generated from `classifiers/` by `python -m tools.document_types`; CI checks that it is current. {count} types, all on by default; {defender} of them are on by
default in Defender for APIs too (column D).

How sure we are: **high** = a distinctive form and a check, or a plain form with a check and a name for it; **medium** = a check without a name, or a form with
one; **low** = possible, shown and never claimed. The columns say what a match is worth, by what stands beside it:

- *named*: its own key, its parent's or a sibling `name` is a word for it (`iban`, `{{"passport": {{"number": ...}}}}`, `{{"name": "ssn", "value": ...}}`)
- *in a sentence*: such a word stands near enough in the same text
- *kind named*: the key names the kind and not the country (`nationalId`, `personalCode`)
- *neutral*: the key could hold anything (`value`, `data`, `comment`), or the sentence does not name it
- *elsewhere*: any other key; *against*: the key says that it is something else (`orderNumber`, `traceId`)

A check lets chance through at the rate of *rarity*. Where several types claim one value, the surest evidence wins, then the rarest check. Publishable and
public keys, certificates, masked values, placeholders and keys that public documentation prints are not findings.
"""


def document() -> str:
    """The page, from what discovery finds."""
    types = discover()
    out = [_HEAD.format(count=len(types), defender=sum(kind.defender for kind in types))]
    order = list(_FAMILIES)
    for family, kinds in groupby(sorted(types, key=lambda kind: (order.index(kind.family), kind.id)), key=lambda kind: kind.family):
        out.append(f"\n## {_FAMILIES[family]}\n")
        out.append("| id | name | D | check | rarity | named | in a sentence | kind named | neutral | elsewhere | against | words (some) |")
        out.append("|---|---|---|---|---|---|---|---|---|---|---|---|")
        out.extend(_row(kind) for kind in kinds)
    return "\n".join(out) + "\n"


def _row(kind: InformationType) -> str:
    grades = kind.grades
    nearby = grades.nearby if kind.words_in_text and kind.words else None
    rarity = (
        "" if kind.check is None or kind.grades is POSSIBLE or kind.rarity >= 0.15 else "form" if kind.rarity == 0 else f"{kind.rarity:g}"
    )
    cells = (
        f"`{kind.id}`", kind.name, "D" if kind.defender else "", "yes" if kind.check else "", rarity, grades.telling or "", nearby or "",
        (grades.vague or "") if kind.vague else "", (grades.neutral or "") if kind.shapes else "", (grades.unknown or "") if kind.shapes else "",
        (grades.against or "") if kind.shapes else "", ", ".join(kind.words[:5]),
    )  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(arguments: list[str] | None = None) -> int:
    return command("tools.document_types", TARGET, document(), arguments)


if __name__ == "__main__":
    sys.exit(main())
