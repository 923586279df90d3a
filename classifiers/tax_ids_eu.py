"""Tax and social security numbers of the European Union: VAT numbers, and what Defender lists beside the national ids."""

from classifiers.checks import Check, compact, hungarian_taj, stdnum
from classifiers.information_type import CHECKED, CHECKED_DIGITS, NAMED, Example, Grades, InformationType

_FORMS = (
    r"ATU\d{8} BE[01]?\d{9} BG\d{9,10} CY\d{8}[A-Z] CZ\d{8,10} DE\d{9} DK\d{8} EE\d{9} EL\d{9} GR\d{9} ES[A-Z0-9]\d{7}[A-Z0-9] FI\d{8} FR[A-HJ-NP-Z0-9]{2}\d{9} "
    r"HR\d{11} HU\d{8} IE\d[A-Z0-9+*]\d{5}[A-Z]{1,2} IT\d{11} LT\d{12} LT\d{9} LU\d{8} LV\d{11} MT\d{8} NL\d{9}B\d{2} PL\d{10} PT\d{9} RO\d{2,10} SE\d{12} SI\d{8} SK\d{10}"
)
_VAT_FORMS = _FORMS.split()


def _spaced(form: str) -> str:
    """The form with a separator allowed before each digit: people write `FR 61 954 506 077`."""
    country, rest = (form[:3], form[3:]) if form.startswith("ATU") else (form[:2], form[2:])
    return country + "[ -]?" + rest.replace(r"\d", r"(?:[ .]?\d)")


_VAT_MODULES = (
    "at.uid be.vat bg.vat cy.vat cz.dic de.vat dk.cvr ee.kmkr gr.vat es.nif fi.alv fr.tva hr.oib hu.anum ie.vat it.iva lt.pvm lu.tva lv.pvn "
    "mt.vat nl.btw pl.nip pt.nif ro.cf se.vat si.ddv sk.dph"
)
_VAT_CHECKS = {module[:2]: stdnum(module) for module in _VAT_MODULES.split()}
"""What python-stdnum's eu.vat asks for each country, without its cleaning, which takes longer than the check."""


def vat(value: str) -> bool:
    """A VAT number with its country's prefix, form and check digits."""
    text = compact(value).upper()
    country = "gr" if text[:2] == "EL" else text[:2].lower()
    return len(set(text[2:])) > 2 and _VAT_CHECKS[country](text[2:])


VAT_WORDS = (
    "vat", "vat number", "vat no", "vat id", "vat reg no", "vat registration", "vat registration number", "vatin", "vat code", "vat identification number", "value added tax",
    "eu vat", "ust id", "ust idnr", "ustid", "ust id nr", "umsatzsteuer", "umsatzsteuer id", "umsatzsteueridentifikationsnummer", "mwst", "mwst nr", "uid nummer",
    "tva", "tva intracom", "numero tva", "tva intracommunautaire", "numero de tva", "n tva", "btw", "btw nummer", "btw nr", "btw id", "partita iva", "p iva", "piva", "iva",
    "numero iva", "nif iva", "cif", "nif intracomunitario", "nip ue", "nip", "vat ue", "dic", "ic dph", "ddv", "id za ddv", "davcna", "pvn", "pvm", "pvm kodas", "kmkr", "alv",
    "alv numero", "moms", "momsnr", "momsnummer", "moms nr", "momsregistreringsnummer", "cvr", "cvr nummer", "afm", "αφμ", "dds", "ддс", "adoszam", "kozossegi adoszam", "cod tva", "cui", "pdv", "pdv id",
    "tax registration", "tax registration number", "tax number", "intra community vat", "company vat", "tax id eu", "ein eu",
)  # fmt: skip


def tax(
    id: str, name: str, country: str, pattern: str, check: Check, words: tuple[str, ...],
    examples: tuple[Example, ...], counterexamples: tuple[Example, ...], *, grades: Grades = CHECKED_DIGITS, rarity: float = 0.1,
) -> InformationType:  # fmt: skip
    return InformationType(
        id=id, name=name, family="tax_id_eu", country=country, pattern=pattern, check=check, words=words, grades=grades, rarity=rarity, match_entire_value=True,
        defender=True, examples=examples, counterexamples=counterexamples,
    )  # fmt: skip


TYPES = (
    InformationType(
        id="eu_vat",
        name="EU Value Added Tax (VAT) Number",
        family="eu_vat",
        pattern="|".join(map(_spaced, _VAT_FORMS)),
        named="(?i:" + "|".join(map(_spaced, _VAT_FORMS)) + ")",
        shapes=(
            r"\b(ATU|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK)[ -]?[A-Z0-9]{2}[ .]?[A-Z0-9+*]{1,3}[ .]?[0-9]{2}",
        ),
        check=vat,
        words=VAT_WORDS,
        grades=CHECKED,
        rarity=0.01,
        country=lambda value: value[:2].upper().replace("EL", "GR"),
        defender=True,
        examples=(
            ("vatNumber", "ATU57194903"),
            ("partitaIva", "IT00743110157"),
            ("ustIdNr", "DE 136,695 976".replace(",", " ")),
            ("comment", "El vat no del cliente es FR 61 954 506 077 según el contrato"),
            ("value", "NL4495445B01".replace("NL", "NL00")),
        ),
        counterexamples=(
            ("vatNumber", "DE136695978"),
            ("orderNumber", "DE136695976"),
            ("value", "GR 23456783"),
            ("currency", "DE000000000"),
        ),
    ),
    tax(
        "tax_id.at",
        "Austria Tax Identification Number",
        "AT",
        r"\d{2}-?\d{3}/?\d{4}",
        stdnum("at.tin"),
        ("steuernummer", "abgabenkontonummer", "stnr", "st nr", "austria tax id", "tax id at"),
        (("steuernummer", "59-119/9013"), ("abgabenkontonummer", "591199013")),
        (("steuernummer", "59-119/9012"), ("value", "591199013")),
    ),
    tax(
        "tax_id.de",
        "Germany Tax Number (Steuernummer)",
        "DE",
        r"\d{2,3}[ /]\d{3,4}[ /]\d{4,5}|\d{12,13}",
        stdnum("de.stnr"),
        ("steuernummer", "stnr", "st nr", "steuer nr", "finanzamt steuernummer", "german tax number"),
        (("steuernummer", "181/815/08155"), ("stNr", "201/123/12340")),
        (("steuernummer", "4151181508156"), ("orderNumber", "181/815/08155")),
        grades=NAMED,
        rarity=0.3,
    ),
    tax(
        "tax_id.es",
        "Spain Tax Identification Number (CIF)",
        "ES",
        r"[A-HJNP-SUVW]-?\d{7}-?[0-9A-J]",
        stdnum("es.cif"),
        ("cif", "nif", "codigo de identificacion fiscal", "numero de identificacion fiscal", "cif empresa"),
        (("cif", "J99216582"), ("cif", "B64717838")),
        (("cif", "J99216583"), ("sku", "J99216582")),
    ),
    tax(
        "tax_id.fr",
        "France Tax Identification Number (numéro SPI)",
        "FR",
        r"[0-3]\d ?\d{2} ?\d{3} ?\d{3} ?\d{3}",
        stdnum("fr.nif"),
        ("spi", "numero spi", "numero fiscal", "numero fiscal de reference", "identifiant fiscal", "nif", "french tax id", "tin fr"),
        (("numeroFiscal", "30 23 217 600 053"), ("spi", "3023217600053")),
        (("spi", "3023217600054"), ("value", "3023217600053")),
        rarity=0.002,
    ),
    tax(
        "tax_id.mt",
        "Malta Tax Identification Number",
        "MT",
        r"\d{9}|\d{7}[MGAPLHBZ]",
        lambda value: len(set(value)) > 2,
        ("malta tax id", "maltese tax number", "tax identification malta", "tin mt", "irn malta"),
        (("maltaTaxId", "100000512"), ("maltaTaxId", "8175604M")),
        (("maltaTaxId", "10000051"), ("value", "100000512")),
        grades=NAMED,
        rarity=1.0,
    ),
    tax(
        "tax_id.pl",
        "Poland Tax Identification Number (NIP)",
        "PL",
        r"\d{3}-?\d{3}-?\d{2}-?\d{2}|\d{3}-\d{2}-\d{2}-\d{3}",
        lambda value: stdnum("pl.nip")(value),
        ("nip", "numer nip", "numer identyfikacji podatkowej", "nip number", "polish tax id"),
        (("nip", "856-734-62-15"), ("numerNip", "8567346215")),
        (("nip", "8567346216"), ("value", "8567346215")),
        rarity=0.09,
    ),
    tax(
        "tax_id.pt",
        "Portugal Tax Identification Number (NIF)",
        "PT",
        r"\d{3} ?\d{3} ?\d{3}",
        stdnum("pt.nif"),
        ("nif", "numero de identificacao fiscal", "contribuinte", "numero de contribuinte", "nipc", "numero fiscal"),
        (("nif", "501 964 843"), ("contribuinte", "501964843")),
        (("nif", "501964842"), ("value", "501964843")),
    ),
    tax(
        "tax_id.si",
        "Slovenia Tax Identification Number",
        "SI",
        r"\d{8}",
        stdnum("si.ddv"),
        ("davcna stevilka", "davcna", "davcna st", "id za ddv", "slovenian tax id"),
        (("davcnaStevilka", "50223054"), ("davcna", "50223054")),
        (("davcnaStevilka", "50223055"), ("value", "50223054")),
    ),
    tax(
        "social_security.es",
        "Spain Social Security Number (SSN)",
        "ES",
        r"\d{2}[/ ]?\d{8}[/ ]?\d{2}",
        lambda value: (lambda n: int(n[:10] if n[2] != "0" else n[:2] + n[3:10]) % 97 == int(n[10:]))(compact(value)),
        ("nuss", "naf", "numero de la seguridad social", "numero seguridad social", "seguridad social", "numero de afiliacion", "nss"),
        (("nuss", "28/12345678/40"), ("seguridadSocial", "281234567840")),
        (("nuss", "281234567841"), ("value", "281234567840")),
        rarity=0.01,
    ),
    tax(
        "social_security.hu",
        "Hungary Social Security Number (TAJ)",
        "HU",
        r"\d{3}[ -]?\d{3}[ -]?\d{3}",
        hungarian_taj,
        ("taj", "taj szam", "tajszam", "tarsadalombiztositasi azonosito jel", "tb szam"),
        (("tajSzam", "111 111 110"), ("taj", "123456788")),
        (("tajSzam", "123456789"), ("value", "123456788")),
    ),
)
