"""The information types in force, compiled: one scan for all shapes, then form, check and context of each hit."""

import importlib
import pkgutil
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable
from itertools import accumulate, count
from operator import add
from typing import Any, NamedTuple
from urllib.parse import unquote

import classifiers
from classifiers.bodies import unpack
from classifiers.calls import gather
from classifiers.checks import published
from classifiers.embedded import BEFORE_COLON, JSON_STARTS, json_in_base64, links_people, named_values
from classifiers.information_type import POSSIBLE, RANK, Confidence, Evidence, Grades, InformationType
from classifiers.places import Where, opaque
from classifiers.scan import DatabaseRefusedError, Hit, Hyperscan, Plain, fingerprint
from classifiers.text_values import MAX_TEXT_VALUES, SHORTEST, Part, TextValues, walk_json
from classifiers.words import (
    AGAINST,
    AGAINST_WHOLE,
    CODE_SYSTEMS,
    COUNTRY_KEYS,
    JOINED_WITH_PARENT,
    NAMED_BY_SIBLING,
    NAMING,
    NEUTRAL_LAST,
    NEUTRAL_WHOLE,
    VOID,
    country_of_key,
    loose_words,
    spellings,
    split_key,
    squash,
    word_places,
)

WINDOW = 2_048
"""Characters around a hit in a long text that its form is looked for in."""
SPOKEN = 8_192
"""Characters of a sentence in which words are looked for."""
SPOKEN_SHAPES = (r"[^\n0-9 ] [^\n0-9]*[0-9]", r"[0-9][^\n ]* [^\n0-9 ]{2}")
"""A text in which words and digits stand side by side: a sentence to listen to."""
ASSIGNED = 12
"""How far before `card_number=` in a text the word for a value may end."""
WORK = 1_000
"""Forms and checks tried on one event; with more, the rest is not looked at and the examination is partial."""
MAX_BASE64 = 65_536
"""Characters of a base64 text that is decoded."""
BATCH = 16
"""Events that `examine_many` scans at once."""
RIVALS = 48
"""Candidates of one text: more say nothing new about it."""
UNCHECKED = 0.15
"""A type whose rarity is above has no check worth the name."""
NEW_KEYS = 150
"""Keys never seen before that one event may teach."""
KNOWN_KEYS = 8_192


class Found(NamedTuple):
    """An information type at a place; never the value.

    `path`: JSON `$.a.b[2].c`; form, query, header: the name; cookie: `cookie.NAME`; XML: `/Root/Child`; path: `/{parameter}`. `general_path` has
    `[*]` for every index. `country`: ISO 3166 code where the type has one.
    """

    type: str
    where: Where
    path: str
    general_path: str
    confidence: Confidence
    country: str | None


class Examination(NamedTuple):
    """What one event carries; `partial` = it was too large, too deep or too laborious to be looked at completely."""

    found: list[Found]
    text_values: int
    partial: bool


def discover() -> tuple[InformationType, ...]:
    """Every type of every module of this package. Raises ValueError on a duplicate id, ImportError on a module that does not import."""
    types: dict[str, InformationType] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(classifiers.__path__)):
        for kind in getattr(importlib.import_module(f"classifiers.{module}"), "TYPES", ()):
            if kind.id in types:
                raise ValueError(f"information type {kind.id!r} is defined twice: {types[kind.id].name}, {kind.name}")
            types[kind.id] = kind
    return tuple(types.values())


def _starts_here(text: str, at: int) -> bool:
    """No part of a longer number or word: checked here, since a lookbehind would cost `re` its search for the first character."""
    if at == 0:
        return True
    c = text[at - 1]
    if c == "_" or (c.isascii() and c.isalnum()):
        return False
    if at == 1 or c not in "-.#/=":
        return True
    before = text[at - 2]
    return not (before.isdecimal() if c in "-." else before.isascii() and before.isalnum())


FIRST_HALF, SECOND_HALF = re.compile(r"AC[0-9a-f]{32}"), re.compile(r"[0-9a-f]{32}")
"""Twilio's account, and the token that opens it: alone neither proves anything, and together they need no name."""
_BARE = re.compile(r"[0-9]{10,15}(?![0-9A-Za-z_])(?![-.,:][0-9])")
_BY_RANK: tuple[Confidence, ...] = ("low", "low", "medium", "high")

_AFTER = r"(?![0-9A-Za-z_])(?![-.,:]\d)"


def _widths(pattern: str) -> tuple[int, int]:
    """The fewest and the most characters that a pattern can take."""
    least, most = re._parser.parse(pattern).getwidth()  # type: ignore[attr-defined]
    return int(least), int(most)


class _Form:
    """An information type with its patterns compiled on first use."""

    __slots__ = (
        "_anywhere",
        "_named",
        "_nearby",
        "_widths",
        "ambient",
        "check",
        "commonness",
        "country",
        "grades",
        "id",
        "kind",
        "match_entire_value",
        "nearby_ambient",
        "plausible",
        "secret",
        "sure",
        "told_by_form",
    )  # fmt: skip

    def __init__(self, kind: InformationType) -> None:
        self.kind = kind
        self.id = kind.id
        self.grades: Grades = kind.grades
        self.check = kind.check
        self.match_entire_value = kind.match_entire_value
        self.commonness = -kind.rarity
        self.told_by_form = kind.match_entire_value or kind.named is None
        self.ambient = kind.ambient
        self.nearby_ambient = kind.ambient or kind.nearby is not None
        self.sure = 1 if kind.rarity <= UNCHECKED else 0
        self.plausible = kind.plausible
        self.secret = kind.family.startswith("secret")
        self.country = kind.country
        self._anywhere: re.Pattern[str] | None = None
        self._named: re.Pattern[str] | None = None
        self._nearby: re.Pattern[str] | None = None
        self._widths: tuple[int, int] | None = None

    def _compiled(self, pattern: str, ambient: bool) -> re.Pattern[str]:
        flags = re.ASCII | (re.IGNORECASE if self.kind.caseless else 0)
        return re.compile(pattern if ambient else f"(?:{pattern}){_AFTER}", flags)

    @property
    def anywhere(self) -> re.Pattern[str]:
        if self._anywhere is None:
            self._anywhere = self._compiled(self.kind.pattern, self.kind.ambient)
        return self._anywhere

    @property
    def named(self) -> re.Pattern[str]:
        if self._named is None:
            self._named = self._compiled(self.kind.named or self.kind.pattern, self.kind.ambient or self.match_entire_value)
        return self._named

    @property
    def nearby(self) -> re.Pattern[str]:
        if self._nearby is None:
            pattern = self.kind.nearby or self.kind.named or self.kind.pattern
            self._nearby = self._compiled(pattern, self.kind.ambient or self.kind.nearby is not None)
        return self._nearby

    @property
    def widths(self) -> tuple[int, int]:
        """(fewest characters under a name, most)"""
        if self._widths is None:
            self._widths = _widths(self.kind.named or self.kind.pattern)
        return self._widths

    def country_of(self, value: str) -> str | None:
        return self.country(value) if callable(self.country) else self.country


class _Meaning:
    """What a key says about its value."""

    __slots__ = (
        "_vague_by_length",
        "against",
        "context",
        "home",
        "names",
        "neutral",
        "open",
        "possible",
        "special",
        "telling",
        "vague",
        "veto",
    )

    def __init__(
        self, telling: tuple[_Form, ...], vague: tuple[_Form, ...], against: bool, neutral: bool, context: bool, home: str | None = None
    ) -> None:
        self.home = home
        self.telling = tuple(f for f in telling if f.grades is not POSSIBLE)
        self.vague = tuple(sorted(vague, key=lambda f: -f.commonness))
        self.possible = tuple(f for f in telling if f.grades is POSSIBLE)
        self.against = against
        self.neutral = neutral
        self.context = context
        self.names = bool(telling or vague)
        self.special = self.names or context or neutral
        self.veto = against and not neutral
        self.open = bool(self.telling or self.vague or neutral)
        self._vague_by_length: dict[int, tuple[_Form, ...]] = {}

    def vague_of(self, length: int) -> tuple[_Form, ...]:
        """The types of that kind whose form can have this length, the rarest first."""
        forms = self._vague_by_length.get(length)
        if forms is None:
            forms = self._vague_by_length[length] = tuple(f for f in self.vague if f.widths[0] <= length <= f.widths[1])
        return forms


_Candidate = tuple[int, int, int, int, float, int, str, int, int]
"""(rank of the confidence, how sure its form makes it, evidence, 1 = of the country that a sibling names, minus rarity, length, id, start, end):
the greater one wins."""

_FIRST = frozenset({start[0] for start in JSON_STARTS} | {"A"})
AGAINST_IT, UNKNOWN, NEUTRAL, VAGUE, NEARBY, TELLING = map(int, Evidence)


def _assigned(text: str) -> bool:
    """Whether a text with an equals sign may hold a name and a value, rather than end as base64 does."""
    at = text.find("=")
    return (
        1 < at < len(text) - 3
        and text[at + 1] != "="
        and (" " in text or "\n" in text or "&" in text or "," in text or at < 64)
        and "://" not in text[:12]
    )


def _suspects(texts: list[str], joined: str) -> list[int]:
    """Indices of the texts that may hold names with values; `joined` holds them all, so that most calls cost a few searches."""
    found = {i for i, text in enumerate(texts) if "=" in text and _assigned(text)} if "=" in joined else set()
    if joined.count("\n") >= len(texts) and ": " in joined:  # one of them has lines of its own
        found.update([i for i, text in enumerate(texts) if "\n" in text and ": " in text])
    if not BEFORE_COLON.isdisjoint([piece[-3:] for piece in joined.split(":")]):
        found.update([i for i, text in enumerate(texts) if ":" in text and links_people(text)])
    return sorted(found)


def _value(match: re.Match[str]) -> str:
    """The named group that took part, else all of the match."""
    name = match.lastgroup
    return match[name] if name is not None else match[0]


class Taxonomy:
    """The types in force. `classify` and `examine` are pure and may be called from several threads.

    `types`: all that are known, by default what discovery finds; `disabled`: ids to switch off; `custom`: a tenant's own types; `claimed`: ids of
    types that are otherwise only shown as possible (names, places, devices) and are to be claimed; `database`: asked
    with the fingerprint for what `serialise` returned under it; without it, or if the engine refuses it, the shapes are compiled (seconds); `plain`:
    without hyperscan. Raises ValueError on an unknown or
    duplicate id.
    """

    def __init__(
        self,
        types: Iterable[InformationType] | None = None,
        *,
        disabled: Collection[str] = (),
        custom: Iterable[InformationType] = (),
        claimed: Collection[str] = (),
        database: Callable[[str], bytes | None] | None = None,
        plain: bool = False,
    ) -> None:
        known = [*(discover() if types is None else types), *custom]
        ids = [kind.id for kind in known]
        for id in ids:
            if ids.count(id) > 1:
                raise ValueError(f"information type {id!r} is defined twice")
        for id in (*disabled, *claimed):
            if id not in ids:
                raise ValueError(f"no information type has the id {id!r}")
        self.types = tuple(kind for kind in known if kind.id not in disabled)
        self._forms = {kind.id: _Form(kind) for kind in self.types}
        for id in claimed:
            if id in self._forms:
                self._forms[id].grades = Grades("high", "high", "medium")
        self._lexicon: dict[str, tuple[list[_Form], list[_Form]]] = {}
        self._spoken: dict[str, tuple[list[_Form], list[_Form]]] = {}
        self._first_words: set[str] = set()
        for form in self._forms.values():
            self._learn_words(form)
        self._phrase_lengths = max(map(len, self._lexicon), default=0)
        shapes: dict[str, list[_Form]] = {shape: [] for shape in SPOKEN_SHAPES}
        for form in self._forms.values():
            for shape in form.kind.shapes:
                shapes.setdefault(shape, []).append(form)
        self._shapes = tuple(shapes)
        self._by_shape = tuple(tuple(forms) for forms in shapes.values())
        self._by_shape_unknown = tuple(tuple(f for f in forms if f.grades.unknown) for forms in self._by_shape)
        self._by_shape_against = tuple(tuple(f for f in forms if f.grades.against) for forms in self._by_shape)
        self._bare: dict[int, list[_Form]] = {}
        for form in self._forms.values():
            if form.kind.bare:
                self._bare.setdefault(form.kind.bare, []).append(form)
        self._meanings: dict[Any, _Meaning] = {}
        self._nothing = _Meaning((), (), False, True, False)
        self.fingerprint = "plain" if plain else fingerprint(self._shapes)
        self.recompiled = False
        self._scanner: Hyperscan | Plain
        if plain:
            self._scanner = Plain(self._shapes)
        else:
            try:
                kept = database(self.fingerprint) if database is not None else None
                self._scanner = Hyperscan(self._shapes, kept)
                self.recompiled = kept is None
            except DatabaseRefusedError:
                try:
                    self._scanner = Hyperscan(self._shapes)
                    self.recompiled = True
                except DatabaseRefusedError:
                    self._scanner = Plain(self._shapes)
                    self.fingerprint = "plain"

    def serialise(self) -> bytes | None:
        """The compiled shapes, to be kept under `fingerprint`; None where hyperscan is missing."""
        return self._scanner.serialise() if isinstance(self._scanner, Hyperscan) else None

    @property
    def engine(self) -> str:
        return "hyperscan" if isinstance(self._scanner, Hyperscan) else "plain"

    def classify(self, parts: Iterable[Part]) -> list[Found]:
        """What one event carries, see `Found`."""
        return self.examine(parts).found

    # -- words ---------------------------------------------------------------------------------------------------------------------------

    def _learn_words(self, form: _Form) -> None:
        kind = form.kind
        for index, phrases in ((0, kind.words), (1, kind.vague)):
            for phrase in phrases:
                for spelling in spellings(phrase):
                    entry = self._lexicon.setdefault(spelling, ([], []))
                    if form not in entry[index]:
                        entry[index].append(form)
        if not kind.words_in_text:
            return
        for index, phrases in ((0, (*kind.words, *kind.text_words)), (1, kind.vague)):
            for phrase in phrases:
                first = squash(phrase.split()[0])
                self._first_words.add(first.removesuffix("nummer") or first)  # kreditkarten nr
                for spelling in spellings(phrase):
                    entry = self._spoken.setdefault(spelling, ([], []))
                    if form not in entry[index]:
                        entry[index].append(form)
                    self._first_words.update((spelling, spelling + "s", first, first + "s"))

    def _learn(self, key: str) -> _Meaning:
        """What a key's words say; keys that are values themselves say nothing."""
        if len(key) > 128 or opaque(key):
            return self._nothing
        words = split_key(key)
        squashed = "".join(words)
        bare = squashed.rstrip("0123456789") or squashed
        telling: dict[str, _Form] = {}
        vague: dict[str, _Form] = {}
        phrases: dict[str, str] = {}
        kinds: list[str] = []

        def look_up(phrase: str) -> None:
            for variant in (phrase, phrase[:-1]) if phrase.endswith("s") else (phrase,):
                entry = self._lexicon.get(variant)
                if entry is not None:
                    for form in entry[0]:
                        telling[form.id] = form
                        if len(variant) > len(phrases.get(form.id, "")):
                            phrases[form.id] = variant
                    if entry[1]:
                        vague.update((f.id, f) for f in entry[1])
                        kinds.append(variant)

        for i in range(len(words)):
            phrase = ""
            for word in words[i : i + 7]:
                phrase += word
                look_up(phrase)
        for length in range(7, min(len(bare), self._phrase_lengths + 1)):  # compounds: kreditkartennummerkunde
            look_up(bare[:length])
            look_up(bare[-length:])
        void = not VOID.isdisjoint(words) or "last4" in squashed
        last = next((w for w in reversed(words) if not w.isdecimal()), "")
        neutral = last in NEUTRAL_LAST or bare in NEUTRAL_WHOLE or not bare
        against = void or not AGAINST.isdisjoint(words) or squashed in AGAINST_WHOLE
        if last == "id" and len(words) > 1 and not telling and not vague:
            against = True  # messageId: an identifier, and not of a person
        azure = [phrase for id, phrase in phrases.items() if telling[id].kind.family == "secret_azure"]
        for id, phrase in phrases.items():  # batchAccountKey is no accountKey, idCardNumber no cardNumber
            rivals = azure if telling[id].kind.family == "secret_azure" else kinds
            if any(phrase != other and phrase in other for other in rivals):
                del telling[id]
        if void:
            telling, vague = {}, {}
        elif bare in JOINED_WITH_PARENT and len(words) == 1:
            vague = {}
        return _Meaning(
            tuple(telling.values()),
            tuple(f for f in vague.values() if f.id not in telling),
            against,
            neutral,
            bare in JOINED_WITH_PARENT or bare in NAMED_BY_SIBLING,
            country_of_key(words) if vague else None,
        )

    def _meaning(self, key: Any, work: "_Work") -> _Meaning:
        meaning = self._meanings.get(key)
        if meaning is None:
            if work.new_keys <= 0:
                return self._nothing
            work.new_keys -= 1
            meaning = self._learn(key)
            if meaning is not self._nothing:  # a key that is a value is not kept
                if len(self._meanings) >= KNOWN_KEYS:
                    self._meanings.clear()
                self._meanings[key] = meaning
        return meaning

    def _named(self, key: Any, link: Any, work: "_Work") -> _Meaning:
        """The meaning of a leaf's own name: of a list's items the list's; of `value` its sibling's `name`, else joined with its parent's."""
        while isinstance(key, int):
            if link is None:
                return self._nothing
            link, key, _ = link
        if key is None:
            return self._nothing
        if type(key) is str and key[:1] == "@":
            key = key[1:]
        meaning = self._meaning(key, work)
        if not meaning.context or link is None:
            return meaning
        node = link[2]
        if type(node) is dict and key.lower() in NAMED_BY_SIBLING:
            for naming in NAMING:
                name = node.get(naming)
                if naming == "system" and type(name) is str:
                    name = CODE_SYSTEMS.get(name, name.rstrip("/").rpartition("/")[2].rpartition(":")[2])
                if type(name) is str and name != key and 1 < len(name) <= 64:
                    named = self._meaning(name, work)
                    if named.names or named.against:
                        return named
        parent, outer = link[1], link[0]
        while isinstance(parent, int) and outer is not None:
            outer, parent = outer[0], outer[1]
        if type(parent) is str and len(parent) <= 64:
            joined = self._meaning(f"{parent}_{key}", work)
            if joined.names:
                return joined
            if meaning.names:
                return meaning
            if joined.against:
                return joined
        return meaning

    # -- examination ---------------------------------------------------------------------------------------------------------------------

    def examine(self, parts: Iterable[Part]) -> Examination:
        """What one event carries, and whether all of it was looked at."""
        looked = self._read(parts)
        if isinstance(looked, Examination):
            return looked
        hits, more = self._scanner.scan(looked.joined)
        return self._conclude(looked, hits, more)

    def examine_many(self, calls: Iterable[Iterable[Part]]) -> list[Examination]:
        """The same for many events, a tenth faster: `BATCH` of them are scanned at once, so that scanner and interpreter evict each other less
        often from the processor's cache."""
        out: list[Examination] = []
        batch: list[_Looked | Examination] = []
        for parts in calls:
            batch.append(self._read(parts))
            if len(batch) == BATCH:
                self._conclude_all(batch, out)
                batch = []
        self._conclude_all(batch, out)
        return out

    def _conclude_all(self, batch: "list[_Looked | Examination]", out: list[Examination]) -> None:
        texts = [looked.joined for looked in batch if isinstance(looked, _Looked)]
        hits, more = self._scanner.scan("\n".join(texts))
        first, start = 0, 0
        for looked in batch:
            if isinstance(looked, Examination):
                out.append(looked)
                continue
            if more:  # one of them is an attack: it must not cost the others their hits
                out.append(self._conclude(looked, *self._scanner.scan(looked.joined)))
                continue
            end = start + len(looked.joined)
            last = bisect_right(hits, (end + 1,), first)
            own = hits[first:last]
            out.append(self._conclude(looked, [(at - start, number) for at, number in own] if start else own, False))
            first, start = last, end + 1

    def _read(self, parts: Iterable[Part]) -> "_Looked | Examination":
        """All that can be done before the scan: the text_values, what their names say, and what stands under a telling name."""
        text_values = gather(parts)
        texts, keys = text_values.texts, text_values.keys
        if not texts:
            return Examination([], 0, text_values.partial)
        work = _Work()
        for key, link, root in text_values.containers:
            if not key.isalpha() and opaque(key) and work.new_keys > 0:
                work.new_keys -= 1
                text_values.add_key(key, link, text_values.roots[root])
        joined = "\n".join(texts)
        own = len(texts)
        if "%" in joined:
            self._decode(text_values, own)
        if "\n{" in joined or "\n[" in joined or joined.startswith(("{", "[")):
            self._unpack(text_values, own)
        paired = self._open(text_values, own, joined, work)
        size = own
        if len(texts) > own:  # nothing is unpacked without a leaf to show for it
            joined = "\n".join(texts)
            size = len(texts)
        meanings: list[Any] = [*map(self._meanings.get, keys)]
        candidates: dict[int, list[_Candidate]] = {}
        for i, id in paired:
            self._add(i, self._forms[id], TELLING, 0, len(texts[i]), texts[i], candidates, 0, True)
        possible: dict[_Meaning, int] = {}
        for i in [i for i, m in enumerate(meanings) if m is None or m.special]:
            meaning = meanings[i]
            if meaning is None or meaning.context:
                key = keys[i]
                meaning = meanings[i] = self._named(key, text_values.links[i], work)
                if type(key) is str and work.new_keys > 0 and opaque(key):
                    work.new_keys -= 1
                    text_values.add_key(key, text_values.links[i], text_values.root(i))
            if meaning.possible:
                possible.setdefault(meaning, i)  # of what is only possible, the first place of an event is enough
            if meaning.telling:
                self._tell(i, meaning, text_values, candidates, work)
            if meaning.vague:
                self._guess(i, meaning, text_values, candidates, work)
            elif meaning.neutral and len(texts[i]) in self._bare and texts[i].isdecimal():
                self._weigh(i, texts[i], 0, candidates, work)
        if len(texts) > size:
            joined = "\n".join(texts)
            meanings.extend([self._nothing] * (len(texts) - size))
        return _Looked(text_values, joined, meanings, candidates, possible, work, own)

    def _conclude(self, looked: "_Looked", hits: list[Hit], more: bool) -> Examination:
        text_values, _, meanings, candidates, possible, work, own = looked
        if hits:
            self._confirm(hits, text_values, meanings, candidates, work)
        found = self._settle(candidates, text_values) if candidates else []
        for meaning, i in possible.items():
            if i not in candidates:
                self._suppose(i, meaning, text_values, found)
        return Examination(found, own, text_values.partial or more or work.left <= 0 or work.new_keys <= 0)

    @staticmethod
    def _unpack(text_values: TextValues, own: int) -> None:
        """The text_values of strings that are JSON themselves."""
        for i in range(own):
            text = text_values.texts[i]
            if text[:1] in ("{", "["):
                if len(text_values.texts) > MAX_TEXT_VALUES:
                    text_values.partial = True
                    return
                value = unpack(text)
                if value:
                    root = text_values.root(i)
                    text_values.open(root.where, "json", "", (text_values.keys[i], text_values.links[i], root))
                    before = len(text_values.texts)
                    walk_json(value, text_values)
                    if len(text_values.texts) > before:
                        text_values.texts[i] = ""  # its parts speak for it

    def _open(self, text_values: TextValues, own: int, joined: str, work: "_Work") -> list[tuple[int, str]]:
        """What stands under a name inside a text: pairs of keys and values whose key names a type, links to people, JSON in base64. And the text values that
        a neighbour proves to be secrets, with the ids of their types."""
        texts = text_values.texts[:own]
        telling = [i for i, text in enumerate(texts) if text[:1] in _FIRST]  # one character costs a third of what two cost
        for i in [i for i in telling if texts[i][:3] in JSON_STARTS and len(texts[i]) <= MAX_BASE64]:
            if value := json_in_base64(texts[i]):
                self._inside(i, text_values)
                walk_json(value, text_values)
        for i in _suspects(texts, joined):
            found = [(name, value) for name, value in named_values(texts[i]) if self._meaning(name, work).telling]
            if found:
                self._inside(i, text_values)
                for name, value in found:
                    if len(value) >= SHORTEST and value[0] not in "$<{%":  # a variable's name
                        text_values.add(value, name)
        halves: dict[int, str] = {}
        for i in telling:
            if len(texts[i]) == 34 and FIRST_HALF.fullmatch(texts[i]) and text_values.links[i] is not None:
                halves[id(text_values.links[i])] = "twilio_key"
        if not halves:
            return []
        return [
            (i, half)
            for i in range(own)
            if (half := halves.get(id(text_values.links[i]))) in self._forms and half and SECOND_HALF.fullmatch(text_values.texts[i])
        ]

    @staticmethod
    def _inside(i: int, text_values: TextValues) -> None:
        """What follows comes out of this leaf, and its place is the leaf's."""
        root = text_values.root(i)
        text_values.open(root.where, "json", "", (text_values.keys[i], text_values.links[i], root))

    @staticmethod
    def _decode(text_values: TextValues, own: int) -> None:
        """URL-encoded strings once more, decoded."""
        for i in range(own):
            text = text_values.texts[i]
            if "%" in text:
                plain = unquote(text[:WINDOW])
                if plain != text[:WINDOW]:
                    root = text_values.root(i)
                    text_values.open(root.where, root.style, root.name, root.inside)
                    text_values.add(plain, text_values.keys[i], text_values.links[i])

    def _tell(self, i: int, meaning: _Meaning, text_values: TextValues, candidates: dict[int, list[_Candidate]], work: "_Work") -> None:
        """Under a name for it: the form that suffices there."""
        text = text_values.texts[i]
        size = len(text)
        for form in meaning.telling:
            least, most = form.widths
            if size < least:
                continue
            work.left -= 1
            if work.left < 0:
                return
            if not form.match_entire_value:
                self._search(i, form, form.named, text[: 4 * WINDOW], candidates, work)
                continue
            if size <= most + 8 and (match := form.named.fullmatch(text.strip())) is not None:
                value = _value(match)
                if form.check is None or form.check(value):
                    self._add(i, form, TELLING, 0, size, value, candidates)
            elif form.check is not None and form.sure and size > least + 2:
                self._search(i, form, form.anywhere, text[:WINDOW], candidates, work)

    def _guess(self, i: int, meaning: _Meaning, text_values: TextValues, candidates: dict[int, list[_Candidate]], work: "_Work") -> None:
        """Under a name for the kind: of the country that the key names; else of the types of any country the rarest check that holds, or that of
        the country that a sibling names."""
        text = text_values.texts[i].strip()
        size = len(text_values.texts[i])
        home = meaning.home or self._country_near(text_values.links[i])
        forms = meaning.vague_of(len(text))
        if meaning.home is not None:
            if any(self._forms[rival[6]].country == home for rival in candidates.get(i, ())):
                return
            forms = (*(f for f in forms if f.country == home), *(f for f in forms if f.country != home))
        for form in forms:
            work.left -= 1
            if work.left < 0:
                return
            if form.named.fullmatch(text) and (form.check is None or form.check(text)) and (form.plausible is None or form.plausible(text)):
                at_home = home is not None and form.country_of(text) == home
                self._add(i, form, VAGUE, 0, size, text, candidates, int(at_home))
                if home is None or (at_home and meaning.home is not None):
                    return

    @staticmethod
    def _suppose(i: int, meaning: _Meaning, text_values: TextValues, found: list[Found]) -> None:
        """What only the name speaks for: possible, never claimed."""
        text = text_values.texts[i]
        for form in meaning.possible:
            if len(text) <= 256 and form.named.fullmatch(text) and (form.check is None or form.check(text)):
                found.append(Found(form.id, *text_values.place(i), "low", None))
                return

    def _weigh(self, i: int, digits: str, start: int, candidates: dict[int, list[_Candidate]], work: "_Work") -> None:
        """A bare number that nothing names: what so few numbers pass that this can be no chance."""
        for form in self._bare[len(digits)]:
            work.left -= 1
            if work.left < 0:
                return
            if form.anywhere.fullmatch(digits) and form.check is not None and form.check(digits):
                self._add(i, form, NEUTRAL, start, start + len(digits), digits, candidates)

    def _search(
        self, i: int, form: _Form, pattern: re.Pattern[str], text: str, candidates: dict[int, list[_Candidate]], work: "_Work"
    ) -> None:
        good = 0
        ambient = form.ambient
        for match in pattern.finditer(text):
            work.left -= 1
            if work.left < 0:
                return
            value = _value(match)
            if (ambient or _starts_here(text, match.start())) and (form.check is None or form.check(value)):
                self._add(i, form, TELLING, match.start(), match.end(), value, candidates, 0, form.told_by_form)
                good += 1
                if good == 3:
                    return

    @staticmethod
    def _add(
        i: int,
        form: _Form,
        evidence: int,
        start: int,
        end: int,
        value: str,
        candidates: dict[int, list[_Candidate]],
        at_home: int = 0,
        by_form: bool = False,
    ) -> None:
        confidence = form.grades[5 - evidence]
        if (
            confidence == "medium"
            and evidence in (NEUTRAL, UNKNOWN)
            and start == 0
            and value.isdecimal()
            and 8 <= len(value) <= 16
            and end == len(value)
        ):
            confidence = "low"  # a number of anything
        if confidence is None or (evidence < NEARBY and form.plausible is not None and not form.plausible(value)):
            return
        sure = form.sure
        if form.secret:
            if evidence != TELLING and published(value):
                return
            if by_form and form.grades.unknown == "high":
                sure = 2
        elif by_form and form.grades.unknown == "high":
            sure = 2
        candidate = (RANK[confidence], sure, evidence, at_home, form.commonness, end - start, form.id, start, end)
        rivals = candidates.get(i)
        if rivals is None:
            candidates[i] = [candidate]
        elif len(rivals) < RIVALS:
            rivals.append(candidate)

    @staticmethod
    def _country_near(link: Any) -> str | None:
        if link is None or type(link[2]) is not dict or len(link[2]) > 64:
            return None
        for key, value in link[2].items():
            if type(value) is str and 2 <= len(value) <= 3 and squash(key) in COUNTRY_KEYS:
                return value[:2].upper()
        return None

    def _confirm(
        self,
        hits: list[tuple[int, int]],
        text_values: TextValues,
        meanings: list[_Meaning],
        candidates: dict[int, list[_Candidate]],
        work: "_Work",
    ) -> None:
        """For each hit of the scan: form and check in that leaf, or around the hit in a long one."""
        texts = text_values.texts
        ends = [*map(add, accumulate(map(len, texts)), count(1))]
        listened: set[int] = set()
        looked: set[tuple[int, str, int]] = set()
        spoken = len(SPOKEN_SHAPES)
        for end, number in hits:
            i = bisect_right(ends, end - 1)
            meaning = meanings[i]
            veto = meaning.veto
            if number < spoken:
                if not (veto or i in listened or meaning.possible):
                    listened.add(i)
                    self._listen(i, meaning, text_values, candidates, work)
                continue
            text = texts[i]
            if veto:
                forms = self._by_shape_against[number]
            elif meaning.open or " " in text:
                forms = self._by_shape[number]
            else:
                forms = self._by_shape_unknown[number]
            if not forms:
                continue
            size = len(text)
            # all of a text, whichever of its places the hit was at: then both engines see the same; of a long one the stretch around it
            cell = 0 if size <= 2 * WINDOW else (end - ends[i] + size + 1) // WINDOW
            for form in forms:
                place = (i, form.id, cell)
                if place in looked:
                    continue
                looked.add(place)
                work.left -= 1
                if work.left < 0:
                    return
                if form in meaning.telling:
                    if form.told_by_form:
                        continue  # told already
                    evidence = TELLING
                elif form in meaning.vague:
                    continue  # guessed already
                else:
                    evidence = AGAINST_IT if veto else NEUTRAL if meaning.neutral else UNKNOWN
                good = 0
                for match in form.anywhere.finditer(text, max(0, (cell - 1) * WINDOW), (cell + 2) * WINDOW):
                    work.left -= 1
                    if work.left < 0:
                        return
                    start = match.start()
                    if not (form.ambient or _starts_here(text, start)):
                        continue
                    value = _value(match)
                    if form.check is None or form.check(value):
                        here = evidence
                        if here == UNKNOWN and match.end() - start + 4 < size and " " in text:
                            here = NEUTRAL
                        self._add(i, form, here, start, match.end(), value, candidates, 0, True)
                        good += 1
                        if good == 3:
                            break

    def _listen(self, i: int, meaning: _Meaning, text_values: TextValues, candidates: dict[int, list[_Candidate]], work: "_Work") -> None:
        """In a sentence: the types for which a word stands near enough."""
        text = text_values.texts[i][:SPOKEN]
        for number in _BARE.finditer(text):
            if number.end() - number.start() in self._bare and _starts_here(text, number.start()):
                self._weigh(i, number[0], number.start(), candidates, work)
                break
        loose = loose_words(text)
        if self._first_words.isdisjoint(loose):
            return
        words = word_places(text, loose)
        named: dict[str, tuple[_Form, int, list[tuple[int, int]]]] = {}
        first = self._first_words
        at = 0
        while at < len(words):
            word, start, _ = words[at]
            at += 1
            if word not in first:
                continue
            phrase, longest, taken = "", None, at
            for ahead, (other, _, end) in enumerate(words[at - 1 : at + 5]):
                phrase += other
                entry = self._spoken.get(phrase) or (self._spoken.get(phrase[:-1]) if phrase[-1:] == "s" else None)
                if entry is not None:
                    longest, taken, finish = entry, at + ahead, end
            if longest is None:
                continue
            at = taken  # `identity card number` is no word for a card
            for forms, evidence in ((longest[0], NEARBY), (longest[1], VAGUE)):
                for form in forms:
                    known = named.get(form.id)
                    if known is None or known[1] < evidence:
                        named[form.id] = (form, evidence, [(start, finish)])
                    elif len(known[2]) < 8:
                        known[2].append((start, finish))
        heard: list[tuple[int, int, int, _Form, int, str]] = []
        for form, evidence, places in named.values():
            if form in meaning.telling:
                continue
            reach = form.kind.reach
            good = 0
            for match in form.nearby.finditer(text):
                work.left -= 1
                if work.left < 0:
                    break
                begin, finish = match.start(), match.end()
                gap = min([max(start - finish, begin - end) for start, end in places if begin >= end or finish <= start], default=reach + 1)
                if gap > reach or not (form.nearby_ambient or _starts_here(text, begin) or (gap <= ASSIGNED and text[begin - 1] == "=")):
                    continue
                value = _value(match)
                if form.check is None or form.check(value):
                    heard.append((begin, finish, gap, form, evidence, value))
                    good += 1
                    if good == 3:
                        break
        for begin, finish, gap, form, evidence, value in heard:
            if not form.sure and any(begin < f and b < finish and g < gap for b, f, g, *_ in heard):
                continue  # without a check the nearer word wins
            self._add(i, form, evidence, begin, finish, value, candidates)

    def _settle(self, candidates: dict[int, list[_Candidate]], text_values: TextValues) -> list[Found]:
        """Of the candidates for one stretch of text the best; of one type at one place once."""
        found: dict[tuple[str, str, str], Found] = {}
        for i, rivals in candidates.items():
            if len(rivals) > 1:
                rivals.sort(reverse=True)
            where, path, general = text_values.place(i)
            taken: list[tuple[int, int, str]] = []
            for rank, _, _, _, _, _, id, start, end in rivals:
                form = self._forms[id]
                if taken and any(start < e and s < end and id != other and other not in form.kind.beside for s, e, other in taken):
                    continue
                taken.append((start, end, id))
                key = (id, where, path)
                known = found.get(key)
                if known is None or RANK[known.confidence] < rank:
                    country = form.country
                    found[key] = Found(
                        id,
                        where,
                        path,
                        general,
                        _BY_RANK[rank],
                        country(text_values.texts[i][start:end].strip()) if callable(country) else country,
                    )
        return list(found.values())


class _Looked(NamedTuple):
    """An event between its reading and its scan."""

    text_values: TextValues
    joined: str
    meanings: list[_Meaning]
    candidates: dict[int, list[_Candidate]]
    possible: dict[_Meaning, int]
    work: "_Work"
    own: int


class _Work:
    """What may still be done for one event."""

    __slots__ = ("left", "new_keys")

    def __init__(self) -> None:
        self.left = WORK
        self.new_keys = NEW_KEYS
