"""What keys and words mean: splitting a name into words, and the names that speak against a value or could hold anything."""

import re
import unicodedata

_PLURAL_CAPITALS = re.compile(r"([A-Z]{2,})s(?![a-z])")
_PIECES = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_A-Za-z]+")
_COMBINING = re.compile("[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f]+")
_WORDS = re.compile(r"[^\W_]+")
_HUMP = re.compile("([a-z])([A-Z])")
_FIELD_NAME = re.compile(r"\b[A-Za-z][a-z]+(?:[A-Z][a-z]+)+\b")


def fold(text: str) -> str:
    """Without accents and in lower case: `Steuer-Nr. Größe` -> `steuer-nr. grosse`."""
    if text.isascii():
        return text.lower()
    return _COMBINING.sub("", unicodedata.normalize("NFKD", text)).casefold()


def split_key(key: str) -> list[str]:
    """The words of a name, lower case: camelCase, snake_case, kebab-case, dots and capitals (`ibanOfPayee`, `COSMOS_DB_KEYs`)."""
    if not key.isascii():
        key = _COMBINING.sub("", unicodedata.normalize("NFKD", key))
    return [piece.casefold() for piece in _PIECES.findall(_PLURAL_CAPITALS.sub(lambda m: m[1].capitalize() + " ", key))]


def word_places(text: str, words: list[str]) -> list[tuple[str, int, int]]:
    """Where the words that `loose_words` found stand in the text: (folded word, start, end), in characters."""
    if not text.isascii():
        return split_text(text)
    text, at, found = text.lower(), 0, []
    for word in words:
        at = text.find(word, at)
        found.append((word, at, at + len(word)))
        at += len(word)
    return found


def split_text(text: str) -> list[tuple[str, int, int]]:
    """The words of a sentence, folded, with the character positions at which they start and end."""
    return [(fold(m[0]), m.start(), m.end()) for m in _WORDS.finditer(text)]


def loose_words(text: str) -> list[str]:
    """The words of a sentence, folded, without their places: enough to see whether any of them matters. Names of fields are taken apart
    (`routingNumber 021000021 is not known`)."""
    if _HUMP.search(text) is not None and text.isascii():
        text = _FIELD_NAME.sub(lambda match: _HUMP.sub(r"\1 \2", match[0]), text)
    return _WORDS.findall(fold(text))


_NUMBER = re.compile("(?:number|num|nr|no)$")


def spellings(phrase: str) -> list[str]:
    """The phrase squashed, and with the other words for a number at its end: `id card no` is `id card number`, `handynummer` is `handynr`."""
    squashed = squash(phrase)
    if squashed.endswith("nummer") and len(squashed) > 8:
        return [squashed, squashed[:-6] + "nr"]
    if " " in phrase and (match := _NUMBER.search(squashed)) and phrase.split()[-1].lower() == match[0]:
        return [squashed[: match.start()] + word for word in ("number", "num", "nr", "no")]
    return [squashed] if squashed else []


def squash(phrase: str) -> str:
    """A phrase as it is looked up: folded, letters and digits only (`Steuer-ID Nr.` -> `steueridnr`)."""
    return "".join(_WORDS.findall(fold(phrase)))


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


AGAINST = _set("""order orders tracking track trace traceparent span correlation imei imeisv iccid imsi meid ean gtin upc isbn issn sku barcode asin
    version build release revision patch rev batch lot serial hash checksum sha sha1 sha256 sha512 md5 digest crc crc32 commit etag
    cursor offset page pages nonce timestamp ts epoch time date datetime created updated deleted modified since until seq sequence snowflake
    ulid uuid guid nanoid ksuid objectid oid doi lei isin vin plate geohash lat latitude lon lng longitude color colour port pid
    amount price quantity qty total subtotal balance meter reading score invoice ticket shipment parcel consignment waybill awb
    reference masked mask invalid last4 redacted fingerprint thumbprint thumbnail avatar image picture photo icon certificate publishable
    warehouse article part model catalog catalogue duration latency elapsed ttl size length width height weight count""")
"""Words of a key that say: not a person's number. They veto what only a weak form or a check speaks for."""

AGAINST_WHOLE = _set("""useragent accept acceptencoding acceptlanguage contenttype host date server connection etag ifmatch ifnonematch xrequestid
    xcorrelationid traceparent tracestate requestid xmsrequestid operationid parentid customerid accountid userid tenantid sessionid
    transactionid deviceserial productcode productid itemid""")

VOID = _set("""masked mask last4 first6 invalid policy type kind hash hashed digest hint length expiry expires expired expiration strength
    enabled disabled required reset changed updated format redacted algorithm alg verified status count regex pattern placeholder
    publishable public attempts rules requirement requirements""")
"""Words that turn a telling key into a key about it: passwordPolicy, cardLast4, tokenType, maskedIban."""

NEUTRAL_LAST = _set("""value val content text message msg comment comments note notes description desc body log logs remark remarks memo transcript
    payload data input output answer detail snippet subject""")
"""A key whose last word is one of these may hold a sentence about anything."""

NEUTRAL_WHOLE = _set("""v x y z a b c d e f g q s t val ref attr attribute param parameter arg argument field item entry element raw string str query search
    term result response request info extra custom property prop title key number num no nr nummer numero object""")
"""A key that is only this (and digits) names nothing: value, field7, x1."""

JOINED_WITH_PARENT = _set("value val v number num no nr nummer numero id code content text key token secret data raw string")
"""A key that is only this is read together with its parent's: {"passport": {"number": ...}}."""

NAMING = ("name", "key", "type", "field", "label", "code", "scheme", "attribute", "header", "system")
"""Members that name their sibling `value`: {"name": "ssn", "value": ...}."""
CODE_SYSTEMS = {
    "http://hl7.org/fhir/sid/us-ssn": "ssn",
    "http://hl7.org/fhir/sid/us-npi": "npi",
    "http://hl7.org/fhir/sid/us-medicare": "mbi",
    "http://hl7.org/fhir/sid/us-mbi": "mbi",
    "http://hl7.org/fhir/sid/icd-10": "icd10",
    "http://hl7.org/fhir/sid/icd-10-cm": "icd10",
    "http://fhir.de/sid/gkv/kvid-10": "krankenversichertennummer",
    "https://fhir.nhs.uk/Id/nhs-number": "nhs number",
    "http://fhir.nl/fhir/NamingSystem/bsn": "bsn",
    "urn:oid:2.16.840.1.113883.4.1": "ssn",
    "urn:oid:2.16.840.1.113883.4.6": "npi",
    "urn:oid:2.16.840.1.113883.2.1.4.1": "nhs number",
    "urn:oid:2.16.840.1.113883.2.4.6.3": "bsn",
    "urn:oid:2.16.756.5.32": "ahv",
    "urn:oid:1.2.250.1.213.1.4.8": "nir",
}
"""Naming systems of FHIR (hl7.org/fhir/identifier-registry.html) whose last segment does not say it."""

NAMED_BY_SIBLING = ("value", "val", "content", "data", "text")
COUNTRY_KEYS = _set("country countrycode issuingcountry nationality issuedin countryofissue")

_COUNTRIES = """AT austria austrian, BE belgium belgian, BG bulgaria bulgarian, CY cyprus cypriot, CZ czech czechia, DE germany german, DK denmark danish,
    EE estonia estonian, ES spain spanish, FI finland finnish, FR france french, GR greece greek, HR croatia croatian, HU hungary hungarian, IE ireland irish,
    IT italy italian, LT lithuania lithuanian, LU luxembourg luxembourgish, LV latvia latvian, MT malta maltese, NL netherlands dutch, PL poland polish,
    PT portugal portuguese, RO romania romanian, SE sweden swedish, SI slovenia slovenian, SK slovakia slovak"""
COUNTRY_OF = {word: code for code, *words in (row.split() for row in _COUNTRIES.split(",")) for word in words}
"""Words of a key that say whose number of a kind is meant: maltaIdCard."""
COUNTRY_CODES = frozenset(COUNTRY_OF.values())


def country_of_key(words: list[str]) -> str | None:
    """The member state that a key names, by name anywhere or by code at its end (`taxIdDe`)."""
    for word in words:
        if (code := COUNTRY_OF.get(word)) is not None:
            return code
    code = words[-1].upper() if len(words) > 1 else ""
    return code if code in COUNTRY_CODES else None
