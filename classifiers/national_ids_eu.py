"""National identification numbers of the member states of the European Union."""

from classifiers.checks import Check, austrian_insurance_number, compact, hungarian_personal_number, luxembourgish_matricule, stdnum
from classifiers.information_type import CHECKED, CHECKED_DIGITS, FORMED, Example, Grades, InformationType

VAGUE = (
    "national id", "national identification number", "national identification", "national identity number", "national identity", "national number",
    "national id number", "national insurance id", "personal id", "personal identification number", "personal identification code", "personal identity code",
    "personal identity number", "personal code", "personal number", "personal id number", "identity number", "identity no", "identity card number",
    "identity card", "id card number", "id card", "id card no", "id number", "id no", "identity document", "civil id", "person id", "id document number", "identification number", "citizen id", "citizen number",
    "citizen service number", "government id", "gov id", "nin", "nid", "pin code citizen", "civil registration number", "social security number",
    "social security no", "social security id", "social security", "social insurance number", "document number national", "nationalid", "eu national id",
    "personal identifier", "person number", "personnummer", "ausweisnummer", "personalausweisnummer", "numero de identidad", "documento de identidad",
    "numero identite", "carte identite", "carte nationale d identite", "numero carta identita", "carta d identita", "documento identita",
)  # fmt: skip
"""Words for a national id of any country; which one, its form and check must tell."""
TAX = (
    "tax id",
    "tax id number",
    "tax identification number",
    "tax identifier",
    "taxpayer id",
    "taxpayer identification number",
    "tin",
    "fiscal code",
    "fiscal number",
)
"""Words for a tax number of any country, where the national id is that too."""


def eu(
    code: str,
    country: str,
    pattern: str,
    words: tuple[str, ...],
    examples: tuple[Example, ...],
    counterexamples: tuple[Example, ...],
    *,
    local_name: str,
    rarity: float,
    module: str = "",
    check: Check | None = None,
    grades: Grades = CHECKED_DIGITS,
    shapes: tuple[str, ...] = (),
    defender: bool = True,
    plausible: Check | None = None,
    bare: int = 0,
    taxed_by: bool = False,
) -> InformationType:
    return InformationType(
        id=f"national_id.{code}",
        name=f"EU National Identification Number ({country}: {local_name})",
        family="national_id_eu",
        pattern=pattern,
        check=check or stdnum(module),
        words=(*words, local_name),
        vague=(*VAGUE, *TAX) if taxed_by else VAGUE,
        grades=grades,
        shapes=shapes,
        rarity=rarity,
        country=code.upper(),
        defender=defender,
        plausible=plausible,
        bare=bare,
        match_entire_value=True,
        examples=examples,
        counterexamples=counterexamples,
    )


_CARD_VALUES = {c: int(c, 36) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def german_identity_card(value: str) -> bool:
    """Personalausweis: nine characters, letters as 10..35, weights 7 3 1, modulo 10 (ICAO Doc 9303)."""
    return sum(_CARD_VALUES[c] * (7, 3, 1)[i % 3] for i, c in enumerate(value[:9])) % 10 == int(value[9])


def polish_identity_card(value: str) -> bool:
    """Dowód osobisty: three letters, a check digit, five digits; weights 7 3 1 9 7 3 1 7 3, modulo 10."""
    text = compact(value)
    return sum(_CARD_VALUES[c] * w for c, w in zip(text, (7, 3, 1, 9, 7, 3, 1, 7, 3), strict=True)) % 10 == 0


RARE = FORMED
"""Not one random number in a hundred passes, or people write it in a form of its own."""


def ten_digits_or_no_bsn(value: str) -> bool:
    """Nine digits (births before 1954) have no check digit; a Dutch BSN does."""
    return "/" in value or len(value) == 10 or not stdnum("nl.bsn")(compact(value))


def born_since_1900(value: str) -> bool:
    """The first digit of Baltic codes: 3 and 4 the 20th century, 5 and 6 the 21st."""
    return value[0] in "34" or (value[0] in "56" and value[1:3] <= "35")


TYPES = (
    eu(
        "at", "Austria", r"\d{4}[ -]?[0-3]\d[01]\d{3}",
        ("svnr", "sv nummer", "sozialversicherungsnummer", "vnr", "versicherungsnummer", "sozialversicherung", "asvg"),
        (("svnr", "1237 010180"), ("nationalId", "1237010180")),
        (("svnr", "2237 010180"), ("orderNumber", "1237010180")),
        local_name="Sozialversicherungsnummer", rarity=0.004, check=austrian_insurance_number, grades=RARE, bare=10, shapes=(r"\b[0-9]{4} [0-9]{6}\b",),
    ),
    eu(
        "be", "Belgium", r"\d{2}[. ]?[01]\d[. ]?[0-3]\d[- ]?\d{3}[. ]?\d{2}",
        ("rijksregisternummer", "rijksregister", "numero national", "numero de registre national", "registre national", "nationaal nummer", "niss", "insz", "nrn", "numero nationale", "nn belge"),
        (("rijksregisternummer", "85.07.30-033.28"), ("niss", "85 07 30 033 28"), ("national_id", "17073003384")),
        (("niss", "12345678901"), ("trackingNumber", "85073003328"), ("niss", "85 07 30 033 29")),
        local_name="Rijksregisternummer", rarity=0.0018, module="be.nn", grades=RARE, bare=11, shapes=(r"\b[0-9]{2}[. ][0-9]{2}[. ][0-9]{2}[- ][0-9]{3}[. ][0-9]{2}\b",),
    ),
    eu(
        "bg", "Bulgaria", r"\d{2}[0-5]\d[0-3]\d ?\d{3} ?\d",
        ("egn", "ucn", "edinen grazhdanski nomer", "единен граждански номер", "егн", "uniform civil number", "bulgarian id"),
        (("egn", "7523169263"), ("personalId", "8004055048")),
        (("egn", "8019010008"), ("egn", "7552A10004"), ("batch", "7523169263")),
        local_name="EGN", rarity=0.008, module="bg.egn", grades=RARE, bare=10, plausible=lambda value: value[2] in "0145",
    ),
    eu(
        "cy", "Cyprus", r"\d{10}|\d{6,8}[A-Z]?",
        ("arithmos taftotitas", "αριθμος ταυτοτητας", "δελτιο ταυτοτητας", "cyprus id", "cypriot id", "cyprus identity card", "kimlik karti"),
        (("cyprusIdentityCard", "8378253986"), ("nationalId", "8378253986")),
        (("cyprusId", "83782539861"), ("value", "8378253986")),
        local_name="Deltio Taftotitas", rarity=1.0, check=lambda value: len(set(value)) > 3, grades=Grades("medium", "medium", "medium"),
    ),
    eu(
        "cz", "Czechia", r"\d{2}[0-35-8]\d[0-3]\d/?\d{3,4}",
        ("rodne cislo", "rc", "rodnecislo", "birth number", "cislo op", "rc cz"),
        (("rodneCislo", "710319/2745"), ("birthNumber", "7103192745"), ("comment", "rodné číslo 710319/2745")),
        (("rodneCislo", "7103192746"), ("rodneCislo", "1103492745"), ("sku", "710319/2745")),
        local_name="Rodné číslo", rarity=0.02, module="cz.rc", grades=RARE, shapes=(r"\b[0-9]{6}/[0-9]{3,4}\b",), plausible=ten_digits_or_no_bsn,
    ),
    eu(
        "de", "Germany", r"\d{2} ?\d{3} ?\d{3} ?\d{3}|[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}\d",
        (
            "steuer id", "steuerliche id", "steuer ident nr", "steueridentifikationsnummer", "steuerliche identifikationsnummer", "steuer identifikationsnummer", "idnr", "steuer idnr", "steuerid",
            "identifikationsnummer", "tin de", "personalausweis", "ausweisnr", "german tax id", "personalausweisnummer", "steuernummer",
        ),
        (("steuerIdentifikationsnummer", "36 574 261 809"), ("steuerId", "36574261809"), ("personalausweisnummer", "T220001293")),
        (("steuerId", "36574261890"), ("steuerId", "36554266806"), ("ean", "36574261809")),
        local_name="Steuer-Identifikationsnummer", taxed_by=True, rarity=0.0033, grades=RARE, bare=11, shapes=(r"\b[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}\b",),
        check=lambda value: stdnum("de.idnr")(value) if value[0].isdecimal() else german_identity_card(value),
    ),
    eu(
        "dk", "Denmark", r"[0-3]\d[01]\d{3}-?\d{4}",
        ("cpr", "cpr nummer", "cprnr", "cpr nr", "personnummer", "det centrale personregister", "cpr number"),
        (("cpr", "211062-5629"), ("cprNummer", "2110625629"), ("note", "CPR: 211062-5629")),
        (("cpr", "511062-5629"), ("cpr", "2110525629"), ("value", "2110625629")),
        local_name="CPR-nummer", rarity=0.032, module="dk.cpr", defender=False, grades=RARE, shapes=(r"\b[0-9]{6}-[0-9]{4}\b",),
    ),
    eu(
        "ee", "Estonia", r"[1-8]\d{2}[01]\d[0-3]\d{5}",
        ("isikukood", "isiku kood", "estonian id", "isikutunnus"),
        (("isikukood", "36805280109"), ("personalCode", "36805280109")),
        (("isikukood", "36805280108"), ("orderId", "36805280109")),
        local_name="Isikukood", rarity=0.0009, module="ee.ik", grades=RARE, bare=11, plausible=born_since_1900,
    ),
    eu(
        "es", "Spain", r"\d{8}-?[A-Za-z]|[XYZxyzKLMklm]-?\d{7}-?[A-Za-z]",
        ("dni", "nif", "nie", "documento nacional de identidad", "numero dni", "numero nif", "numero de identificacion fiscal", "nif nie", "dni nie", "cif nif"),
        (("dni", "54362315K"), ("nie", "X-2482300-W"), ("comment", "su DNI 54362315-K"), ("value", "54362315K")),
        (("dni", "54362315Z"), ("nie", "x-2482300a"), ("dni", "54362315")),
        local_name="DNI, NIE", taxed_by=True, rarity=0.04, check=stdnum("es.dni", "es.nie", "es.nif"), grades=RARE, shapes=(r"\b[0-9]{8}-?[A-Z]\b", r"\b[XYZKLM]-?[0-9]{7}-?[A-Z]\b"),
    ),
    eu(
        "fi", "Finland", r"[0-3]\d[01]\d{3}[-+A-FU-Ya-fu-y]\d{3}[0-9A-Ya-y]",
        ("hetu", "henkilotunnus", "henkilo tunnus", "personbeteckning", "sosiaaliturvatunnus", "sotu", "finnish id"),
        (("hetu", "131052-308T"), ("henkilotunnus", "131052A308T"), ("value", "131052-308T")),
        (("hetu", "131052-308U"), ("hetu", "310252-308Y"), ("sku", "131052-309T")),
        local_name="Henkilötunnus", rarity=0.001, module="fi.hetu", grades=CHECKED, shapes=(r"\b[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Z]\b",),
    ),
    eu(
        "fr", "France", r"[1-478] ?\d{2} ?\d{2} ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2}",
        ("nir", "insee", "numero insee", "numero de securite sociale", "securite sociale", "secu", "numero secu", "nss", "numero securite sociale", "carte vitale", "code insee"),
        (("nir", "2 95 10 99 126 111 93"), ("insee", "295109912611193"), ("value", "253072B07300470")),
        (("nir", "295109912611199"), ("nir", "253072C07300443"), ("imei", "295109912611193")),
        local_name="NIR (INSEE)", rarity=0.006, module="fr.nir", grades=RARE, bare=15, shapes=(r"\b[1-478] [0-9]{2} [0-9]{2} ([0-9]{2}|2[AB]) [0-9]{3} [0-9]{3} [0-9]{2}\b", r"\b[1-478][0-9]{4}2[AB][0-9]{8}\b"),
    ),
    eu(
        "gr", "Greece", r"[0-3]\d[01]\d{8}|[ΑΒΕΖΗΙΚΜΝΟΡΤΥΧA-Z]{2}[- ]?\d{6}",
        ("amka", "αμκα", "arithmos mitroou koinonikis asfalisis", "αδτ", "δελτιο ταυτοτητας", "arithmos taftotitas", "greek id", "αριθμος ταυτοτητας", "deltio taftotitas"),
        (("amka", "01013099997"), ("αμκα", "01013099997"), ("deltioTaftotitas", "ΑΒ123456"), ("αριθμός ταυτότητας", "ΑΗ 581246")),
        (("amka", "01013099999"), ("customerId", "01013099997"), ("amka", "01133099997")),
        local_name="AMKA, Deltio Taftotitas", rarity=0.0035, defender=False, grades=RARE, bare=11,
        check=lambda value: stdnum("gr.amka")(value) if value[0].isdecimal() else len(set(compact(value)[2:])) > 1,
    ),
    eu(
        "hr", "Croatia", r"\d{11}",
        ("oib", "osobni identifikacijski broj", "maticni broj", "croatian id"),
        (("oib", "33392005961"), ("personalId", "33392005961")),
        (("oib", "33392005962"), ("invoiceNumber", "33392005961"), ("value", "33392005961")),
        local_name="OIB", taxed_by=True, rarity=0.1, module="hr.oib",
    ),
    eu(
        "hu", "Hungary", r"[1-8][ -]?\d{2}[01]\d[0-3]\d[ -]?\d{4}",
        ("szemelyi szam", "szemelyi azonosito", "szemelyazonosito", "szemelyi azonosito jel", "szemelyazonosito szam", "szemelyi"),
        (("szemelyiSzam", "2-720515-9688"), ("személyi szám", "27205159688"), ("national_id", "18707182438")),
        (("szemelyiSzam", "2-720515-9689"), ("szemelyiSzam", "27213159688"), ("batch", "18707182438")),
        local_name="Személyi szám", rarity=0.001, check=hungarian_personal_number, grades=RARE, bare=11, shapes=(r"\b[1-8]-[0-9]{6}-[0-9]{4}\b",), plausible=lambda value: compact(value)[0] in "12" or (compact(value)[0] in "34" and compact(value)[1:3] <= "35"),
    ),
    eu(
        "ie", "Ireland", r"\d{7}[A-Wa-w][A-IWTa-iwt]?",
        ("pps", "ppsn", "pps number", "pps no", "personal public service number", "personal public service", "rsi number", "uimhir pps"),
        (("ppsn", "6433435F"), ("ppsNumber", "6433435OA"), ("note", "PPS number 6433435FT")),
        (("ppsn", "6433435E"), ("ppsn", "6433435VH"), ("sku", "6433435F")),
        local_name="PPS Number", rarity=0.04, module="ie.pps", grades=RARE, shapes=(r"\b[0-9]{7}[A-W][A-IWT]?\b",),
    ),
    eu(
        "it", "Italy", r"[A-Za-z]{6}[0-9LMNPQRSTUVlmnpqrstuv]{2}[ABCDEHLMPRSTabcdehlmprst][0-9LMNPQRSTUVlmnpqrstuv]{2}[A-Za-z][0-9LMNPQRSTUVlmnpqrstuv]{3}[A-Za-z]",
        ("codice fiscale", "cod fiscale", "cf", "codicefiscale", "fiscal code", "tessera sanitaria", "italian fiscal code"),
        (("codiceFiscale", "RCCMNL83S18D969H"), ("message", "used RCCMNL83S18D969H yesterday"), ("value", "RCCMNL83S18D969H")),
        (("codiceFiscale", "RCCMNL83S18D969A"), ("codiceFiscale", "RCCMNL83S18D969")),
        local_name="Codice fiscale", taxed_by=True, rarity=0.0001, module="it.codicefiscale", grades=CHECKED._replace(neutral="high", against="medium"),
        shapes=(r"\b[A-Za-z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRSTabcdehlmprst][0-9LMNPQRSTUV]{2}[A-Za-z][0-9LMNPQRSTUV]{3}[A-Za-z]\b",),
    ),
    eu(
        "lt", "Lithuania", r"[1-6]\d{2}[01]\d[0-3]\d{5}",
        ("asmens kodas", "asmens", "asmenskodas", "lithuanian id"),
        (("asmensKodas", "33309240064"), ("comment", "asmens kodas: 33309240064")),
        (("asmensKodas", "33309240164"), ("orderId", "33309240064")),
        local_name="Asmens kodas", rarity=0.00091, module="lt.asmens", grades=RARE, bare=11, plausible=born_since_1900,
    ),
    eu(
        "lu", "Luxembourg", r"(?:18|19|20)\d{2} ?[01]\d ?[0-3]\d ?\d{5}",
        ("matricule", "numero de matricule", "matricule nationale", "numero matricule", "cns", "luxembourg id", "sozialversicherungsnummer lu", "matricule cns"),
        (("matricule", "2004071139233"), ("nationalId", "1987030388126")),
        (("matricule", "2004071139234"), ("batch", "2004071139233"), ("matricule", "2004131139233")),
        local_name="Matricule", rarity=0.00001, check=luxembourgish_matricule, grades=RARE, bare=13,
    ),
    eu(
        "lv", "Latvia", r"(?:[0-3]\d[01]\d{3}|3[2-9]\d{4})-?\d{5}",
        ("personas kods", "personaskods", "pk lv", "latvian id"),
        (("personasKods", "161175-19997"), ("personasKods", "328673-00679"), ("personalId", "32867300679")),
        (("personasKods", "161375-19997"), ("personasKods", "328673-00677"), ("trackingNumber", "161175-19997")),
        local_name="Personas kods", rarity=0.0018, grades=RARE, bare=11, shapes=(r"\b[0-9]{6}-[0-9]{5}\b",), plausible=lambda value: compact(value)[:2] >= "32" or compact(value)[6] in "12",
        check=lambda value: compact(value)[0] in "0123" and stdnum("lv.pvn")(value),
    ),
    eu(
        "mt", "Malta", r"\d{3,7}[MGAPLHBZmgaplhbz]",
        ("karta tal identita", "karta ta identita", "maltese id", "malta id", "id card malta", "identity card malta"),
        (("maltaIdCard", "8175604M"), ("idCardNumber", "8175604M")),
        (("maltaId", "8175604X"), ("plate", "123M")),
        local_name="Karta tal-Identità", rarity=0.31, check=lambda value: len(value) == 8, grades=Grades("medium", "medium", "medium"),
    ),
    eu(
        "nl", "Netherlands", r"\d{9}|\d{4}\.\d{2}\.\d{3}|\d{3} ?\d{3} ?\d{3}",
        ("bsn", "burgerservicenummer", "burger service nummer", "sofinummer", "sofi nummer", "bsn nummer", "dutch bsn"),
        (("bsn", "111222333"), ("burgerservicenummer", "1112.22.333"), ("note", "BSN 111222333")),
        (("bsn", "111252333"), ("orderNumber", "111222333"), ("value", "111222333")),
        local_name="BSN", rarity=0.09, module="nl.bsn",
    ),
    eu(
        "pl", "Poland", r"\d{4}[0-3]\d{6}|[A-Z]{3} ?\d{6}",
        ("pesel", "numer pesel", "powszechny elektroniczny system ewidencji ludnosci", "nr pesel", "dowod osobisty", "numer dowodu", "seria i numer dowodu"),
        (("pesel", "44051401359"), ("nationalIdentificationNumber", "02211307589"), ("numerDowodu", "ABA300000")),
        (("pesel", "44051401358"), ("pesel", "02381307589"), ("sku", "44051401359"), ("numerDowodu", "ABA300001")),
        local_name="PESEL", rarity=0.0073, plausible=lambda value: value[2] in "0123" or not value[0].isdecimal(),
        check=lambda value: stdnum("pl.pesel")(value) if value[0].isdecimal() else polish_identity_card(value),
    ),
    eu(
        "pt", "Portugal", r"\d{8} ?\d ?[A-Za-z0-9]{2}\d",
        ("cartao de cidadao", "cartao cidadao", "cc pt", "bilhete de identidade", "numero cartao cidadao", "numero de documento", "documento de identificacao"),
        (("cartaoCidadao", "00000000 0 ZZ4"), ("identityNumber", "683286033UI2")),
        (("cartaoCidadao", "00000000 0 ZZ3"), ("cartaoCidadao", "00000000 A ZZ4"), ("sku", "683286033UI2")),
        local_name="Cartão de Cidadão", rarity=0.01,
        check=lambda value: not compact(value).isdecimal() and stdnum("pt.cc")(value), grades=RARE, shapes=(r"\b[0-9]{8} ?[0-9] ?[A-Z]{2}[0-9]\b",),
    ),
    eu(
        "ro", "Romania", r"[1-9]\d{2}[01]\d[0-3]\d{7}",
        ("cnp", "cod numeric personal", "codnumericpersonal", "cod personal", "romanian id"),
        (("cnp", "1630615123457"), ("codNumericPersonal", "1630615123457")),
        (("cnp", "1630615123458"), ("cnp", "1632215123457"), ("batch", "1630615123457")),
        local_name="CNP", rarity=0.0016, module="ro.cnp", grades=RARE, bare=13,
    ),
    eu(
        "se", "Sweden", r"(?:\d{2})?\d{2}[01]\d{3}[-+]?\d{4}",
        ("personnummer", "person nummer", "pnr", "samordningsnummer", "swedish id", "personnr"),
        (("personnummer", "880320-0016"), ("personnummer", "198803200016"), ("note", "personnummer: 890102-3286")),
        (("personnummer", "880320-0018"), ("ticket", "880320-0016"), ("value", "8803200016")),
        local_name="Personnummer", rarity=0.0034, module="se.personnummer", grades=RARE, shapes=(r"\b[0-9]{6}[-+][0-9]{4}\b",), plausible=lambda value: value[-5] in "-+" or len(value) == 12,
    ),
    eu(
        "si", "Slovenia", r"[0-3]\d[01]\d{4}5\d{5}",
        ("emso", "enotna maticna stevilka obcana", "maticna stevilka", "jmbg", "slovenian id"),
        (("emso", "0101006500006"), ("personalCode", "0101006500006")),
        (("emso", "0101006500007"), ("batch", "0101006500006"), ("ean", "0101006500006")),
        local_name="EMŠO", rarity=0.0004,
        check=lambda value: stdnum("si.emso")(value) and value[7] == "5", grades=RARE, bare=13,
    ),
    eu(
        "sk", "Slovakia", r"\d{2}[0-35-8]\d[0-3]\d/?\d{3,4}",
        ("rodne cislo", "rc", "rodnecislo", "birth number", "cislo op", "rodne cislo sk", "slovak id", "slovak national id", "slovak personal number"),
        (("slovakId", "710319/2745"), ("comment", "Slovak ID 710319/2745")),
        (("rodneCislo", "7103192746"), ("rodneCislo", "1103492745"), ("ean", "7103192745")),
        local_name="Rodné číslo", rarity=0.0201, module="sk.rc", grades=RARE, shapes=(r"\b[0-9]{6}/[0-9]{3,4}\b",), plausible=ten_digits_or_no_bsn,
    ),
)  # fmt: skip
