"""The checks that a value of the right form must pass: check digits, issuer ranges, entropy, placeholders."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import pairwise
from math import log2
from typing import Any

Check = Callable[[str], bool]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SEPARATORS = str.maketrans("", "", " -./\u00a0\u2010\u2011\u2013")
_LETTERS_AS_NUMBERS = {ord(c): str(i) for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)}


def compact(value: str) -> str:
    """Without the separators that people type into numbers."""
    return value.translate(_SEPARATORS)


@cache
def _module(name: str) -> Any:
    return import_module("stdnum." + name)


def stdnum(*modules: str) -> Check:
    """A check by python-stdnum's module (`be.nn`), loaded on first use; several: any of them."""

    def check(value: str) -> bool:
        return any(_module(name).is_valid(value) for name in modules)

    return check


def imei(value: str) -> bool:
    """3GPP TS 23.003: fifteen digits, Luhn, not one digit all along."""
    digits = compact(value)
    return len(digits) == 15 and luhn(digits) and len(set(digits)) > 2


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1 annex B; separators allowed, at least two digits."""
    digits = compact(value)
    if len(digits) < 2 or not (digits.isascii() and digits.isdecimal()):
        return False
    numbers = [*map(int, digits)]
    return (sum(numbers[-1::-2]) + sum([_DOUBLED[n] for n in numbers[-2::-2]])) % 10 == 0


def mod97(value: str) -> bool:
    """ISO 7064 mod 97-10 over letters and digits, as the IBAN has it: the first four characters at the end."""
    text = compact(value).upper()
    if not 5 <= len(text) <= 40 or not (text.isascii() and text.isalnum()):
        return False
    return int((text[4:] + text[:4]).translate(_LETTERS_AS_NUMBERS)) % 97 == 1


_IBAN_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 "
    "FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 "
    "MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 "
    "SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
IBAN_LENGTHS = {pair[:2]: int(pair[2:]) for pair in _IBAN_LENGTHS.split()}
"""SWIFT IBAN registry: the length by country."""


def iban(value: str) -> bool:
    """An IBAN of its country's length whose check digits hold; words in capitals may follow it after a blank."""
    text = value.translate(_SEPARATORS).upper()
    length = IBAN_LENGTHS.get(text[:2])
    if length is None or len(text) < length:
        return False
    if len(text) > length:
        seen = 0
        for i, c in enumerate(value):
            seen += c.isalnum()
            if seen == length:
                if value[i + 1].isalnum():
                    return False
                break
        text = text[:length]
    return (
        text.isascii()
        and text.isalnum()
        and "02" <= text[2:4] <= "98"
        and int((text[4:] + text[:4]).translate(_LETTERS_AS_NUMBERS)) % 97 == 1
    )


def _ranges(text: str) -> list[tuple[str, str, frozenset[int]]]:
    rows = []
    for row in text.split():
        prefixes, lengths = row.split(":")
        low, _, high = prefixes.partition("-")
        first, _, last = lengths.partition("-")
        rows.append((low, high or low, frozenset(range(int(first), int(last or first) + 1))))
    return rows


_ISSUERS = [
    *_ranges("4:13 4:16 4:19 51-55:16 2221-2720:16 34:15 37:15 300-305:14-19 309:14-19 36:14-19 38-39:14-19 35:16-19"),
    *_ranges("6011:16-19 644-649:16-19 65:16-19 62:14-19 5018:12-19 5020:12-19 5038:12-19 5893:12-19 50:16-19 56-58:12-19"),
    *_ranges(
        "6304:12-19 6759:12-19 676:12-19 67:12-19 601-603:16 606-608:16 637-639:12-19 0604:12-19 81-82:16 9792:16 2200-2204:16-19 2131:15 1:15"
    ),
]
"""ISO/IEC 7812 issuer ranges with their real lengths: Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay, Maestro, RuPay, Elo, Troy, Mir, UATP."""


@cache
def _issuers_of(first_four: str, length: int) -> bool:
    return any(length in lengths and low <= first_four[: len(low)] <= high for low, high, lengths in _ISSUERS)


def payment_card(value: str) -> bool:
    """A card number: an issuer's range, that issuer's lengths, Luhn, and more than one digit repeated."""
    digits = compact(value)
    return 12 <= len(digits) <= 19 and _issuers_of(digits[:4], len(digits)) and luhn(digits) and len(set(digits)) > 1


_N_LOG_N = [0.0, *(n * log2(n) for n in range(1, 64))]


def entropy(value: str) -> float:
    """Shannon's entropy of the characters, bits a character."""
    size = len(value)
    return log2(size) - sum([_N_LOG_N[n] if n < 64 else n * log2(n) for n in map(value.count, set(value))]) / size if size else 0.0


_PLACEHOLDER = re.compile(
    r"""^\W*$ | ^[<\[{%].*[>\]}%]$ | \$\{ | \{\{ | \#\{ | ^\$\([\w.]+\)$ | ^\$[A-Z_a-z]+$ | \*{3} | (.)\1{4} | \.\.\. |
    (?i:example|sample|placeholder|redacted|changeme|change.me|change.it|dummy|your[-_ ]|[-_ ]here$|insert[-_ ]|replace[-_ ]|todo|xxxx|notreal|
    ^(?:null|none|undefined|nil|string|text|true|false|hidden|masked|secret|token|password|passwd|pwd|n/a|empty|unknown|required|invalid|test|
    my[-_ ]\w{0,12}|some[-_ ]\w{0,12}|foo|foobar|bar|default|username|user|encrypted|protected|removed|omitted|filtered)$)""",
    re.VERBOSE | re.ASCII,
)


def placeholder(value: str) -> bool:
    """What documentation, templates and maskers write instead of a secret."""
    return _PLACEHOLDER.search(value) is not None


_ALIGNED = re.compile("abcd|efgh|ijkl|mnop|qrst|uvwx|ABCD|EFGH|IJKL|MNOP|QRST|UVWX|0123|4567|1234|5678")


def sequence(value: str, least: int = 8) -> bool:
    """Holds `least` (8 or more) characters in alphabetical or numerical order: `abcdefgh`, `12345678`."""
    if _ALIGNED.search(value) is None:  # every run of eight holds one of these
        return False
    run = 1
    for a, b in pairwise(value):
        run = run + 1 if ord(b) - ord(a) == 1 else 1
        if run >= least:
            return True
    return False


_PUBLISHED = _set("""f56e323494a6 2037abcaffb2 3f370c9dd822 e4a5542bb7fd a19f89ab3555 0b476bdf9acf eb540d2b6ee2 37f8f09bdf12 8731261cb72d 49f777db995e
    27a9a42931df dc0fcf046c61 4c98242dcadc ea9bb1082cf9 3a8b61d0f636 a6c814bc555a 0011cc25eb43 aa6547439583 78314b11be2e""")
"""Firebase's sample keys (firebase-android-sdk), the keys of the storage and Cosmos DB emulators, the example of the AWS documentation."""


def published(value: str) -> bool:
    """A key that public documentation prints, by the first 12 hexadecimal digits of its SHA-256, so that no scanner trips on this file."""
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:12] in _PUBLISHED


def random_text(bits: float) -> Check:
    """No documented example, no alphabet, and at least `bits` of entropy a character."""
    distinct = 2**bits

    def check(value: str) -> bool:
        if len(set(value)) < distinct or "EXAMPLE" in value:  # fewer characters than that cannot have the entropy
            return False
        return entropy(value) >= bits and not sequence(value, 16)

    return check


def secret_value(value: str) -> bool:
    """A value under a key that promises a secret: 16 or more characters of a token's alphabet, mixed, with entropy, and no placeholder."""
    if not 16 <= len(value) <= 512:
        return False
    kinds = any(c.isdigit() for c in value) + any(c.islower() for c in value) + any(c.isupper() for c in value)
    return kinds >= 2 and entropy(value) >= 3.0 and not sequence(value) and not placeholder(value)


def password(value: str) -> bool:
    """Four characters or more that are no placeholder and no sentence (`is too short` stands under the same key in an error message)."""
    return 4 <= len(value) <= 128 and not placeholder(value) and len(set(value)) > 2


def basic_credentials(value: str) -> bool:
    """Base64 of `user:password` (RFC 7617)."""
    try:
        pair = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    user, colon, secret = pair.partition(b":")
    return (
        bool(colon and (user or secret))
        and all(32 <= c < 127 or c >= 160 for c in pair)
        and not placeholder(secret.decode("latin-1") or "x1")
    )


def _weighted(value: str, weights: tuple[int, ...]) -> int:
    return sum(w * int(c) for w, c in zip(weights, value, strict=False))


def austrian_insurance_number(value: str) -> bool:
    """Versicherungsnummer: serial, check digit, DDMMYY; months 13 to 15 when the days of a birthday ran out. python-stdnum leaves the date out."""
    n = compact(value)
    return len(n) == 10 and 1 <= int(n[4:6]) <= 31 and 1 <= int(n[6:8]) <= 15 and bool(_module("at.vnr").is_valid(n))


def hungarian_personal_number(value: str) -> bool:
    """Személyi szám: sex and century, YYMMDD, serial, check; weights 1..10 for births before 1997, 10..1 since (1996. évi XX. törvény)."""
    n = compact(value)
    if len(n) != 11 or not n.isdecimal() or n[0] not in "12345678" or not _day(n[3:5], n[5:7]):
        return False
    up = _weighted(n, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)) % 11
    down = _weighted(n, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11
    old = n[0] in "12" and int(n[1:3]) < 97
    return int(n[10]) == up if old else int(n[10]) in (up, down)


def hungarian_taj(value: str) -> bool:
    """TAJ szám: nine digits, weights 3 and 7, modulo 10."""
    n = compact(value)
    return len(n) == 9 and n.isdecimal() and _weighted(n, (3, 7) * 4) % 10 == int(n[8])


def luxembourgish_matricule(value: str) -> bool:
    """YYYYMMDD, serial, a Luhn digit over 12 and a Verhoeff digit over the first 11 and itself (CNS, since 2014)."""
    n = compact(value)
    if len(n) != 13 or not n.isdecimal() or n[:2] not in ("18", "19", "20") or not _day(n[4:6], n[6:8]):
        return False
    return luhn(n[:12]) and verhoeff(n[:11] + n[12])


_VERHOEFF_D = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6], [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1], [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]  # fmt: skip
_VERHOEFF_P = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], [5, 8, 0, 3, 7, 9, 6, 1, 4, 2], [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0], [4, 2, 8, 6, 5, 7, 3, 9, 0, 1], [2, 7, 9, 3, 8, 0, 6, 4, 1, 5], [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
]  # fmt: skip


def verhoeff(value: str) -> bool:
    """J. Verhoeff, Error Detecting Decimal Codes (1969)."""
    digits = compact(value)
    if not digits or not (digits.isascii() and digits.isdecimal()):
        return False
    state = 0
    for i, c in enumerate(reversed(digits)):
        state = _VERHOEFF_D[state][_VERHOEFF_P[i % 8][int(c)]]
    return state == 0


def _day(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[int(month) - 1]


def date_of_life(value: str) -> bool:
    """A calendar date, year first or last, in a year in which a living person may have been born."""
    text = value.strip()
    parts = [text[:4], text[4:6], text[6:8]] if text[:8].isdecimal() and len(text) == 8 else re.split(r"[-/. T]", text)[:3]
    if len(parts) != 3 or not all(map(str.isdecimal, parts)):
        return False
    if len(parts[0]) == 4:
        year, a, b = parts
    else:
        a, b, year = parts
    return len(year) == 4 and 1890 <= int(year) <= 2035 and (_day(a, b) or _day(b, a))


def npi(value: str) -> bool:
    """US National Provider Identifier: Luhn with the prefix 80840 (45 CFR 162.406)."""
    return len(value) == 10 and value[0] in "12" and luhn("80840" + value)


def dea(value: str) -> bool:
    """US Drug Enforcement Administration number: (d1+d3+d5) + 2(d2+d4+d6), last digit."""
    digits = value[2:]
    return (_weighted(digits, (1, 0, 1, 0, 1)) + 2 * _weighted(digits, (0, 1, 0, 1, 0, 1))) % 10 == int(digits[6])


def medicare_australia(value: str) -> bool:
    """Ten digits (and an individual reference): weights 1 3 7 9 1 3 7 9, modulo 10, the ninth digit."""
    n = compact(value)
    return n[0] in "23456" and _weighted(n, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(n[8])


def nric(value: str) -> bool:
    """Singapore NRIC and FIN: weights 2 7 6 5 4 3 2, offset by the prefix, a letter of that series."""
    v = value.upper()
    total = _weighted(v[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"S": 0, "T": 4, "F": 0, "G": 4, "M": 3}[v[0]]
    letters = "JZIHGFEDCBA" if v[0] in "ST" else "XWUTRQPNMLK" if v[0] in "FG" else "KLJNPQRTUWX"
    remainder = total % 11
    return v[8] == letters[10 - remainder if v[0] == "M" else remainder]


def social_insurance_canada(value: str) -> bool:
    """Luhn, first digit 1-7 or 9 (0 and 8 are not issued)."""
    n = compact(value)
    return len(n) == 9 and n[0] not in "08" and luhn(n) and len(set(n)) > 2


def utr(value: str) -> bool:
    """UK Unique Taxpayer Reference: weights 6 7 8 9 10 5 4 3 2, table 21987654321, the first digit."""
    n = compact(value)
    return len(n) == 10 and "21987654321"[_weighted(n[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11] == n[0]


def ip_v4(value: str) -> bool:
    """Four octets, none above 255, no leading zero; not 0.0.0.0 and not a netmask."""
    parts = value.split(".")
    return (
        len(parts) == 4
        and all(p.isdecimal() and len(p) <= 3 and int(p) <= 255 and (p == "0" or p[0] != "0") for p in parts)
        and parts[0] not in ("0", "255")
    )


def ip_v6(value: str) -> bool:
    """RFC 4291 text: eight groups, or `::` once for one or more groups of zeros; more than a loopback."""
    address = value.split("%")[0]
    if address.count("::") > 1 or ":::" in address:
        return False
    groups = [g for g in address.split(":") if g]
    if len(groups) < 2 or not all(len(g) <= 4 for g in groups[:-1]):
        return False
    last_is_v4 = "." in groups[-1]
    if (last_is_v4 and not ip_v4(groups[-1])) or (not last_is_v4 and len(groups[-1]) > 4):
        return False
    count = len(groups) + last_is_v4
    return count < 8 if "::" in address else count == 8 and address[0] != ":" and address[-1] != ":"


def ip(value: str) -> bool:
    return ip_v6(value) if ":" in value else ip_v4(value)


def phone(value: str) -> bool:
    """7 to 15 digits (ITU-T E.164), at most one group of brackets, not one digit all along, not a date or a decimal number."""
    digits = [c for c in re.split(r"(?i)\s*(?:x|ext\.?|extension)\s*", value)[0] if c.isdecimal()]
    if not 7 <= len(digits) <= 15 or len(set(digits)) < 3:
        return False
    return not re.fullmatch(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d+\.\d+", value)


def mixed(value: str) -> bool:
    """A document's number: three digits or more, no word, no date, not one character all along."""
    return sum(c.isdecimal() for c in value) >= 3 and len(set(value)) > 2 and not re.fullmatch(r"(?:19|20)\d{2}[01]\d[0-3]\d", value)


def geo_number(value: str) -> bool:
    try:
        return -180.0 <= float(value) <= 180.0
    except ValueError:
        return False


BANKS = _set("""ABNA AGRI AIBK ALBK ANZB AXIS BACA BACR BARC BBRU BBVA BCIT BCOM BCYP BKAU BKCH BKEN BKID BKTR BLIC BMRI BNLI BNPA BOFA BOFI BOFM BOTK
    BPKO BPPI BREX BSAB BSCH BSUI BUKB CAIX CBAA CCBA CCBP CCFR CCOP CEPA CHAS CIBC CITI CMBR CMCI COBA CRBA CREG CRES CRLY CRYP CTBA DABA DAPF
    DBSS DEUT DNBA DNBS DRES DSKB EBAP ETHN FTSB GBSI GEBA GENO GIBA GKCC HABA HAND HANC HBUK HDFC HSBC HYVE IBKL ICBK ICBC INGB INGD KASI KBNB
    KBRE KRED LBBW LOYD MEBA MIDL MKKB MRMD NATA NATX NBOK NDEA NEDS NOLA NORD NOSC NWBK NTSB OKOY OTPV PARB PASC PBNK PIRB PKOP POAL POST PSPB
    PSST QNTO RABO RBOS RBSI REVO RLNW RNCB ROYC RZBA RZBR SABR SBIN SCBL SEBA SGAB SKBN SMBC SNSB SOGE SOLA SPKA SWED SWHQ TATR TBNF TDOM TGBA
    TOTA TRIO TRWI UBSW UNCR UGBI UNIC VOLK WELA WBKP WFBI YAPI ZKBK""")
"""Bank codes (first four letters of a BIC) of well-known institutions; a BIC of another code has a form but no check."""


def bic(value: str) -> bool:
    """ISO 9362 form with the code of a known institution."""
    return compact(value).upper()[:4] in BANKS


CHECKS: dict[str, Check] = {
    "luhn": luhn,
    "mod97": mod97,
    "iban": iban,
    "verhoeff": verhoeff,
    "payment_card": payment_card,
    "secret_value": secret_value,
    "password": password,
    "date_of_life": date_of_life,
    "phone": phone,
    "ip": ip,
    "npi": npi,
    "entropy_2": random_text(2.0),
    "entropy_3": random_text(3.0),
    "entropy_4": random_text(4.0),
}
"""The checks that a tenant's own types may name; `stdnum:it.codicefiscale` names any module of python-stdnum."""


def filler(count: int, alphabet: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", seed: int = 1) -> str:
    """`count` characters that look random and are the same at every run: sample secrets are built of it, never written down."""
    out, state = [], seed * 2_654_435_761 % 2**32
    for _ in range(count):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        out.append(alphabet[(state >> 16) % len(alphabet)])
    return "".join(out)


def four_part_version(value: str) -> bool:
    """Whether four numbers with dots read like a version rather than an address: all of them small."""
    parts = value.split(".")
    return len(parts) == 4 and all(part.isdecimal() and int(part) < 64 for part in parts)
