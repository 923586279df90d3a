"""What an information type is: data with its proof, and what each kind of evidence for it is worth."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple

Confidence = Literal["high", "medium", "low"]

RANK: dict[Confidence, int] = {"low": 1, "medium": 2, "high": 3}


class Evidence(IntEnum):
    """What stands by a value that has the right form, weakest first."""

    AGAINST = 0
    """its key says that it is something else: orderNumber, traceId, imei"""
    UNKNOWN = 1
    """its key says nothing that we know"""
    NEUTRAL = 2
    """its key could hold anything (value, data, comment), or it stands in a sentence that does not name it"""
    VAGUE = 3
    """its key names the kind and not the country: nationalId, identityNumber"""
    NEARBY = 4
    """a word for it stands nearby in the same text"""
    TELLING = 5
    """its own key, its parent's or a sibling `name` is a word for it"""


class Grades(NamedTuple):
    """How sure a match is, by the evidence; None = no finding.

    Purview's levels: high (85) = distinctive form and check, or weak form with check and context; medium (75) = check without context, or form
    with context; low (65) = form only. Low is possible, not claimed.
    """

    telling: Confidence | None = None
    nearby: Confidence | None = None
    vague: Confidence | None = None
    neutral: Confidence | None = None
    unknown: Confidence | None = None
    against: Confidence | None = None

    def of(self, evidence: Evidence) -> Confidence | None:
        return self[5 - evidence]


DISTINCTIVE = Grades("high", "high", "high", "high", "high", "high")
"""The form alone proves it: a provider's prefix and length, a signature inside a key."""
CHECKED = Grades("high", "high", "high", "medium", "medium", None)
"""A form and a check that chance seldom passes."""
FORMED = Grades("high", "high", "high", "medium", None, None)
"""A rare form, or a good check on a plain one: good enough in a sentence or under a key that could hold anything."""
CHECKED_DIGITS = Grades("high", "high", "high", None, None, None)
"""A check on a plain run of digits: one number in ten passes, so only with a name for it."""
NAMED = Grades("medium", "medium", "medium", None, None, None)
"""A plain form without any check: only with a name for it."""
POSSIBLE = Grades("low", None, None, None, None, None)
"""A name, a place or a device: its key alone speaks for it, nothing can be checked; shown as possible, never claimed."""

Example = tuple[str, str]
"""(key, text), as {key: text} in a JSON body."""


@dataclass(frozen=True, slots=True)
class InformationType:
    """One information type: its form, its check, the words that name it, and the examples that prove all three.

    `pattern` is the form of the value, a Python regular expression (ASCII classes); group `value`, where there is one, is what `check` sees.
    `shapes` are what the one multi-pattern scan looks for: hyperscan's dialect, no lookaround, nothing that crosses a line end, and true of
    every text in which `pattern` should be found without a name for it; empty = found by name only.
    `words` name the type, `text_words` do so in sentences only, `vague` words name its kind in any country. `match_entire_value` = under a telling key the value is all of the text.
    `reach` is how far (characters) a word may stand from the value in a text. `rarity` is the share of random text of that form which passes
    the check: among types that claim one value, the rarest check wins. `words_in_text` False = never found by a word in a sentence.
    `named` is the form that suffices under a name for it (a key of before signatures), `nearby` the one beside a word in a text; without them,
    `pattern`. `beside` are types which may claim the same value (every Entra token is a JWT).
    `bare` is how many digits such a number has when it stands without a name and without separators: looked for only where a key could hold
    anything, and in sentences, since runs of digits are everywhere.
    `plausible` must hold as well where nobody names the type: a person born in the 19th century has a valid number, and no API account.
    `ambient` = the pattern has its own idea of where a value starts and ends. `country` is a fixed code, or reads it from the value.
    """

    id: str
    name: str
    family: str
    pattern: str
    examples: tuple[Example, ...]
    counterexamples: tuple[Example, ...]
    grades: Grades
    check: Callable[[str], bool] | None = None
    words: tuple[str, ...] = ()
    vague: tuple[str, ...] = ()
    text_words: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    caseless: bool = False
    match_entire_value: bool = False
    ambient: bool = False
    words_in_text: bool = True
    reach: int = 300
    rarity: float = 0.1
    country: str | Callable[[str], str | None] | None = None
    defender: bool = False
    named: str | None = None
    nearby: str | None = None
    beside: tuple[str, ...] = ()
    bare: int = 0
    plausible: Callable[[str], bool] | None = None
