"""National identification numbers outside the European Union."""

from classifiers.checks import compact, medicare_australia, nric, social_insurance_canada, stdnum, utr
from classifiers.information_type import CHECKED, CHECKED_DIGITS, FORMED, NAMED, Grades, InformationType
from classifiers.national_ids_eu import VAGUE

SSN_WORDS = (
    "ssn", "social security number", "social security no", "social security", "soc sec", "ss number", "ss no", "ssn number", "us ssn", "taxpayer ssn",
    "social sec", "social sec number", "ssns",
)  # fmt: skip

FAMILY = "national_id_other"

SAFE_SSN = frozenset(
    {"078051120", "219099999", "457555462", "123456789", "111111111", "222222222", "333333333", "999999999", "987654321", "111223333"}
)
"""Numbers that the SSA says were printed or invented: never a person's."""


def ssn(value: str) -> bool:
    digits = compact(value)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return (
        area not in ("000", "666")
        and area < "900"
        and group != "00"
        and serial != "0000"
        and len(set(digits)) > 2
        and digits not in SAFE_SSN
    )


TYPES = (
    InformationType(
        id="us_ssn", name="U.S. Social Security Number (SSN)", family=FAMILY, country="US", defender=True,
        pattern=r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}|\d{9}", shapes=(r"\b[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}\b",),
        check=ssn, words=SSN_WORDS, grades=FORMED, rarity=0.9, match_entire_value=True,
        examples=(("ssn", "536-90-4399"), ("social_security_no", "536904399"), ("message", "please check 536-90-4399 again")),
        counterexamples=(("ssn", "666-00-0000"), ("ssn", "078-05-1120"), ("line1", "536904399"), ("order", "536904399"), ("ssn", "000-12-3456")),
    ),
    InformationType(
        id="us_itin", name="U.S. Individual Taxpayer Identification Number (ITIN)", family=FAMILY, country="US", defender=True,
        pattern=r"9\d{2}-\d{2}-\d{4}|9\d{2} \d{2} \d{4}|9\d{8}", shapes=(r"\b9[0-9]{2}-[5-9][0-9]-[0-9]{4}\b",),
        check=lambda value: stdnum("us.itin")(compact(value)[:3] + "-" + compact(value)[3:5] + "-" + compact(value)[5:]),
        words=(
            "itin", "individual taxpayer", "individual taxpayer id", "individual taxpayer identification number", "taxpayer id", "tax id", "tin", "us tin",
            "taxpayer identification number", "itins", "individual tax id", "i t i n", "tax identification number", "taxpayer",
        ),
        grades=FORMED, rarity=0.028, match_entire_value=True,
        examples=(("itin", "912-90-3456"), ("individualTaxpayerId", "912903456"), ("value", "912-90-3456")),
        counterexamples=(("itin", "912-93-4567"), ("taxId", "911-89-1234"), ("itin", "123-45-6789")),
    ),
    InformationType(
        id="us_mbi", name="U.S. Medicare Beneficiary Identifier (MBI)", family=FAMILY, country="US",
        pattern=r"[1-9][AC-HJKMNP-RT-Yac-hjkmnp-rt-y][AC-HJKMNP-RT-Yac-hjkmnp-rt-y0-9]\d-?[AC-HJKMNP-RT-Yac-hjkmnp-rt-y][AC-HJKMNP-RT-Yac-hjkmnp-rt-y0-9]\d-?"
        r"[AC-HJKMNP-RT-Yac-hjkmnp-rt-y]{2}\d{2}",
        shapes=(r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}\b",),
        words=("mbi", "medicare beneficiary identifier", "medicare beneficiary", "medicare", "medicare number", "medicare id", "medicare beneficiary id", "hicn"),
        grades=FORMED, rarity=0.01, match_entire_value=True,
        examples=(("mbi", "1EG4-TE5-MK73"), ("medicareNumber", "1EG4TE5MK73"), ("value", "1FM5XK3NJ03")),
        counterexamples=(("mbi", "1EG4-TE5-MI73"), ("mbi", "1EG4-TE5-OK73"), ("vin", "1EG4TE5MK73"), ("mbi", "0EG4TE5MK73")),
    ),
    InformationType(
        id="gb_nino", name="U.K. National Insurance Number (NINO)", family=FAMILY, country="GB", defender=True,
        pattern=r"(?!BG|GB|KN|NK|NT|TN)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D]", named=r"(?i:(?!BG|GB|KN|NK|NT|TN)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D])",
        shapes=(r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-D]\b",),
        check=lambda value: len(set(compact(value)[2:8])) > 1,
        words=("nino", "ni number", "national insurance", "national insurance number", "nat ins", "nat ins number", "nin", "insurance number", "ninos", "uk ni"),
        vague=VAGUE, grades=FORMED, rarity=0.5, match_entire_value=True,
        examples=(("nationalInsuranceNumber", "AB 12 34 56 C"), ("nino", "NW 65 29 33 D"), ("comment", "please check JN731802A again")),
        counterexamples=(("nino", "BG123612A"), ("nino", "AB123456E"), ("plate", "AB123456C"), ("productCode", "AB123456C"), ("nino", "DA123456C")),
    ),
    InformationType(
        id="gb_nhs", name="U.K. National Health Service Number", family=FAMILY, country="GB", defender=True,
        pattern=r"\d{3}[ -]?\d{3}[ -]?\d{4}", check=lambda value: len(set(compact(value))) > 2 and stdnum("gb.nhs")(value),
        words=("nhs", "nhs number", "nhs no", "national health service", "nhsnumber", "patient nhs", "health service number", "nhs id", "nhs num"),
        grades=CHECKED_DIGITS, rarity=0.09, match_entire_value=True,
        examples=(("nhsNumber", "943 476 5870"), ("nhs", "9434765870"), ("note", "NHS no. 943-476-5870")),
        counterexamples=(("nhsNumber", "9434765871"), ("orderNumber", "9434765870"), ("value", "9434765870")),
    ),
    InformationType(
        id="gb_utr", name="U.K. Unique Taxpayer Reference Number", family=FAMILY, country="GB", defender=True,
        pattern=r"\d{5} ?\d{5}K?", check=lambda value: utr(value.rstrip("K")),
        words=("utr", "unique taxpayer reference", "utr number", "self assessment", "unique tax reference", "taxpayer reference", "sa utr"),
        grades=CHECKED_DIGITS, rarity=0.09, match_entire_value=True,
        examples=(("utr", "1955839661"), ("uniqueTaxpayerReference", "19558 39661")),
        counterexamples=(("utr", "2955839661"), ("value", "1955839661"), ("reference", "1955839661")),
    ),
    InformationType(
        id="ca_sin", name="Canada Social Insurance Number", family=FAMILY, country="CA",
        pattern=r"\d{3} \d{3} \d{3}|\d{3}-\d{3}-\d{3}|\d{9}", shapes=(r"\b[1-79][0-9]{2}[ -][0-9]{3}[ -][0-9]{3}\b",),
        check=social_insurance_canada,
        words=("sin", "social insurance number", "social insurance", "social insurance no", "canadian sin", "sin number", "nas", "numero d assurance sociale", "assurance sociale", "canada sin"),
        grades=FORMED, rarity=0.08, match_entire_value=True,
        examples=(("sin", "130 692 544"), ("socialInsuranceNumber", "130692544"), ("message", "762 671 253")),
        counterexamples=(("sin", "130692545"), ("sin", "046 454 287"), ("value", "130692544"), ("message", "111 111 111")),
    ),
    InformationType(
        id="ch_ahv", name="Swiss Social Security Number (AHV)", family=FAMILY, country="CH",
        pattern=r"756\.?\d{4}\.?\d{4}\.?\d{2}|756 \d{4} \d{4} \d{2}", shapes=(r"\b756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}\b",),
        check=lambda value: stdnum("ch.ssn")(compact(value)),
        words=("ahv", "ahv nummer", "ahvn13", "ahvn", "avs", "avs number", "numero avs", "nss", "sozialversicherungsnummer", "swiss social security", "social security number ch", "navs", "numero avs13", "ahv nr", "oasi number", "avs ahv", "svn"),
        vague=VAGUE, grades=CHECKED, rarity=0.0001, match_entire_value=True,
        examples=(("ahvNummer", "756.9217.0769.85"), ("avs", "7569217076985"), ("value", "756.9217.0769.85")),
        counterexamples=(("ahvNummer", "756.9217.0769.84"), ("ahvNummer", "123.4567.8910.19"), ("ean", "7569217076985")),
    ),
    InformationType(
        id="no_fnr", name="Norwegian National Identity Number (fødselsnummer)", family=FAMILY, country="NO",
        pattern=r"\d{6}[ -]?\d{5}", bare=11, shapes=(r"\b[0-9]{6} [0-9]{5}\b",), check=stdnum("no.fodselsnummer"),
        words=("fodselsnummer", "foedselsnummer", "fodsels nummer", "fødselsnummer", "fnr", "personnummer", "d nummer", "norwegian id", "fodselsnr", "personnr"),
        vague=VAGUE, grades=FORMED, rarity=0.0008, match_entire_value=True,
        examples=(("fodselsnummer", "151086 95088"), ("fnr", "15108695088"), ("fødselsnummer", "15108695088")),
        counterexamples=(("fnr", "15108695077"), ("orderNumber", "15108695088")),
    ),
    InformationType(
        id="tr_tckn", name="Turkish National Identification Number", family=FAMILY, country="TR",
        pattern=r"[1-9]\d{10}", check=stdnum("tr.tckimlik"),
        words=("tckn", "tc kimlik", "tc kimlik no", "tc kimlik numarasi", "kimlik no", "kimlik numarasi", "t c kimlik no", "tckimlik", "tc no", "turkish id", "kimlik"),
        vague=VAGUE, grades=CHECKED_DIGITS, rarity=0.009, match_entire_value=True,
        examples=(("tcKimlikNo", "17291716060"), ("tckn", "17291716060")),
        counterexamples=(("tckn", "17291716050"), ("tckn", "07291716092"), ("value", "17291716060")),
    ),
    InformationType(
        id="in_aadhaar", name="India Unique Identification (Aadhaar) Number", family=FAMILY, country="IN",
        pattern=r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", check=stdnum("in_.aadhaar"),
        words=("aadhaar", "aadhar", "aadhaar number", "aadhaar no", "aadhar number", "uid number", "uidai", "uidai number", "adhar", "aadhaar card", "aadhaar id"),
        vague=("national id", "national id number", "identity number"), grades=CHECKED_DIGITS, rarity=0.1, match_entire_value=True,
        examples=(("aadhaar", "2341 2341 2346"), ("aadhaarNumber", "234123412346")),
        counterexamples=(("aadhaar", "234123412347"), ("aadhaar", "123412341234"), ("value", "234123412346")),
    ),
    InformationType(
        id="in_pan", name="India Permanent Account Number (PAN)", family=FAMILY, country="IN",
        pattern=r"[A-Z]{3}[ABCFGHLJPTK][A-Z]\d{4}[A-Z]", named=r"(?i:[A-Z]{3}[ABCFGHLJPTK][A-Z]\d{4}[A-Z])", shapes=(r"\b[A-Z]{3}[ABCFGHLJPTK][A-Z][0-9]{4}[A-Z]\b",),
        check=stdnum("in_.pan"),
        words=("pan", "pan card", "pan number", "pan no", "permanent account number", "permanent account", "income tax pan", "pancard", "pan india"),
        grades=FORMED, rarity=0.42, match_entire_value=True,
        examples=(("panCard", "ACUPA7085R"), ("panNumber", "ACUPA7085R"), ("message", "used ACUPA7085R for it")),
        counterexamples=(("pan", "ACUPA0000R"), ("pan", "ABMXA3211G"), ("deviceSerial", "ACUPA7085R")),
    ),
    InformationType(
        id="br_cpf", name="Brazil CPF Number", family=FAMILY, country="BR",
        pattern=r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{9}-?\d{2}", shapes=(r"\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b",),
        check=stdnum("br.cpf"),
        words=("cpf", "cadastro de pessoas fisicas", "cpf cliente", "numero cpf", "cpf number", "numero do cpf", "cpf cnpj", "cin"),
        vague=VAGUE, grades=FORMED, rarity=0.01, match_entire_value=True,
        examples=(("cpf", "390.533.447-05"), ("cpfCliente", "39053344705"), ("value", "390.533.447-05")),
        counterexamples=(("cpf", "231.002.999-01"), ("cpf", "390.533.447=0"), ("value", "39053344705")),
    ),
    InformationType(
        id="br_cnpj", name="Brazil Legal Entity Number (CNPJ)", family=FAMILY, country="BR",
        pattern=r"\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}", shapes=(r"\b[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}\b",),
        check=stdnum("br.cnpj"), words=("cnpj", "cadastro nacional da pessoa juridica", "cnpj empresa", "numero cnpj"),
        grades=FORMED, rarity=0.01, match_entire_value=True,
        examples=(("cnpj", "16.727.230/0001-97"), ("cnpj", "16727230000197"), ("text", "16.727.230/0001-97")),
        counterexamples=(("cnpj", "16.727.230/0001-98"), ("gtin", "16727230000197")),
    ),
    InformationType(
        id="za_id", name="South Africa Identification Number", family=FAMILY, country="ZA",
        pattern=r"\d{2}[01]\d[0-3]\d ?\d{4} ?\d{2} ?\d", bare=13, check=stdnum("za.idnr"),
        words=("sa id", "sa id number", "south african id", "south africa id", "rsa id", "rsa id number", "za id", "identity number za", "sa identity number", "south african identity number"),
        vague=VAGUE, grades=FORMED, rarity=0.0007, match_entire_value=True,
        examples=(("saIdNumber", "7503305044089"), ("rsaId", "750330 5044 08 9"), ),
        counterexamples=(("saIdNumber", "8503305044089"), ("batch", "7503305044089")),
    ),
    InformationType(
        id="au_tfn", name="Australia Tax File Number", family=FAMILY, country="AU",
        pattern=r"\d{3} ?\d{3} ?\d{2,3}", check=lambda value: len(set(compact(value))) > 2 and stdnum("au.tfn")(value),
        words=("tfn", "tax file number", "tax file no", "australian tax file number", "tax file", "tfn number"),
        grades=CHECKED_DIGITS, rarity=0.09, match_entire_value=True,
        examples=(("tfn", "123 456 782"), ("taxFileNumber", "123456782")),
        counterexamples=(("tfn", "999 999 999"), ("tfn", "123456783"), ("value", "123456782")),
    ),
    InformationType(
        id="au_medicare", name="Australia Medical Account Number", family=FAMILY, country="AU",
        pattern=r"[2-6]\d{3} ?\d{5} ?\d(?:[ /-]?\d)?", check=medicare_australia,
        words=("medicare", "medicare number", "medicare card", "medicare no", "australian medicare", "medicare card number", "medicare au"),
        grades=CHECKED_DIGITS, rarity=0.05, match_entire_value=True,
        examples=(("medicareNumber", "2123 45670 1"), ("medicareCard", "2123456701")),
        counterexamples=(("medicareNumber", "2123 45680 1"), ("value", "2123456701")),
    ),
    InformationType(
        id="nz_ird", name="New Zealand Inland Revenue Number", family=FAMILY, country="NZ",
        pattern=r"\d{2,3}-?\d{3}-?\d{3}", check=stdnum("nz.ird"),
        words=("ird", "ird number", "inland revenue number", "nz ird", "ird no", "inland revenue"),
        grades=CHECKED_DIGITS, rarity=0.09, match_entire_value=True,
        examples=(("irdNumber", "49-098-576"), ("ird", "49091850")),
        counterexamples=(("ird", "136410133"), ("value", "49098576")),
    ),
    InformationType(
        id="jp_my_number", name="Japan My Number (Personal)", family=FAMILY, country="JP",
        pattern=r"\d{4}[ -]?\d{4}[ -]?\d{4}", check=stdnum("jp.in_"),
        words=("my number", "mynumber", "individual number", "kojin bango", "マイナンバー", "個人番号", "my number card", "kojinbango"),
        grades=CHECKED_DIGITS, rarity=0.1, match_entire_value=True,
        examples=(("myNumber", "6214 9832 0257"), ("個人番号", "621498320257")),
        counterexamples=(("myNumber", "621498320258"), ("value", "621498320257")),
    ),
    InformationType(
        id="kr_rrn", name="South Korea Resident Registration Number", family=FAMILY, country="KR",
        pattern=r"\d{6}-?[1-8]\d{6}|\d{6}-[09]\d{6}", check=stdnum("kr.rrn"),
        words=("rrn", "resident registration number", "resident registration", "jumin", "주민등록번호", "jumin beonho", "korean id"),
        vague=("national id", "national id number"), grades=CHECKED_DIGITS, rarity=0.003, match_entire_value=True,
        examples=(("rrn", "971013-9019902"), ("주민등록번호", "971013-9019902")),
        counterexamples=(("rrn", "971013-9019903"), ("rrn", "971313-1019902"), ("value", "9710139019902")),
    ),
    InformationType(
        id="sg_nric", name="Singapore National Registration Identity Card (NRIC) Number", family=FAMILY, country="SG",
        pattern=r"[STFGM]\d{7}[A-Z]", named=r"(?i:[STFGM]\d{7}[A-Z])", shapes=(r"\b[STFGM][0-9]{7}[A-Z]\b",), check=nric,
        words=("nric", "nric number", "fin number", "nric fin", "singapore id", "identity card singapore", "nric no"),
        vague=("national id", "national id number", "identity card number"), grades=FORMED, rarity=0.007, match_entire_value=True,
        examples=(("nric", "S0000001I"), ("nricFin", "S1234567D"), ("value", "S1234567D")),
        counterexamples=(("nric", "S1234567A"), ("sku", "S1234567D"), ("nric", "A1234567D")),
    ),
    InformationType(
        id="il_id", name="Israel National Identification Number", family=FAMILY, country="IL",
        pattern=r"\d{8}-?\d", check=lambda value: len(set(compact(value))) > 2 and stdnum("il.idnr")(value),
        words=("teudat zehut", "mispar zehut", "israeli id", "israel id", "תעודת זהות", "מספר זהות", "il id"),
        grades=CHECKED_DIGITS, rarity=0.1, match_entire_value=True,
        examples=(("teudatZehut", "03933742-3"), ("israelId", "039337423")),
        counterexamples=(("teudatZehut", "03933742-2"), ("value", "039337423")),
    ),
    InformationType(
        id="mx_curp", name="Mexico Unique Population Registry Code (CURP)", family=FAMILY, country="MX",
        pattern=r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", named=r"(?i:[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d)",
        shapes=(r"\b[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX][A-Z]{5}[A-Z0-9][0-9]\b",), check=stdnum("mx.curp"),
        words=("curp", "clave unica de registro de poblacion", "clave unica"), grades=CHECKED, rarity=0.00003, match_entire_value=True,
        examples=(("curp", "BOXW310820HNERXN09"), ("comment", "CURP BOXW310820HNERXN09 de la clienta"), ("value", "BOXW310820HNERXN09")),
        counterexamples=(("curp", "BOXW310820HNERXN08"), ("curp", "BOXW311320HNERXN09")),
    ),
    InformationType(
        id="ar_dni", name="Argentina National Identity (DNI) Number", family=FAMILY, country="AR",
        pattern=r"\d{2}\.?\d{3}\.?\d{3}", check=lambda value: len(set(compact(value))) > 2,
        words=("dni", "documento nacional de identidad", "numero de documento", "dni argentina", "nro documento"), grades=NAMED, rarity=0.95, match_entire_value=True,
        examples=(("dni", "20.123.456"), ("numeroDeDocumento", "20123456")),
        counterexamples=(("dni", "2012345699"), ("value", "20123456"), ("dni", "00.000.000")),
    ),
    InformationType(
        id="cl_run", name="Chile Identity Card Number (RUN)", family=FAMILY, country="CL",
        pattern=r"\d{1,2}\.\d{3}\.\d{3}-[0-9Kk]|\d{7,8}-[0-9Kk]|\d{7,8}[0-9Kk]", shapes=(r"\b[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]\b",),
        check=stdnum("cl.rut"), words=("run", "rut", "rol unico nacional", "rol unico tributario", "chilean id", "rut chile", "numero rut"),
        grades=Grades("high", "high", "high", "medium"), rarity=0.09, match_entire_value=True,
        examples=(("rut", "12.531.909-2"), ("run", "12531909-2"), ("value", "12.531.909-2")),
        counterexamples=(("rut", "12531909-3"), ("value", "125319092"), ("runId", "12531909-3")),
    ),
)  # fmt: skip
