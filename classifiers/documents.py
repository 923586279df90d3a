"""Travel and driving documents."""

from classifiers.checks import compact, mixed
from classifiers.information_type import Grades, InformationType

GRADES = Grades("high", "high", "high")

TYPES = (
    InformationType(
        id="passport",
        name="U.S. / U.K. Passport Number",
        family="documents",
        pattern=r"[A-Za-z]{0,2}[0-9][0-9A-Za-z]{5,8}|[A-Za-z]{1,2}[- ]\d{6,8}",
        check=mixed,
        words=(
            "passport", "passport number", "passport no", "passport num", "passport id", "passport card", "travel document", "travel document number", "reisepass", "reisepassnummer", "passnummer", "pass nr",
            "passeport", "numero passeport", "numero de passeport", "pasaporte", "numero pasaporte", "passaporto", "numero passaporto", "passaporte", "paspoort", "paspoortnummer", "paszport",
            "numer paszportu", "pas number", "pasnummer", "passi number", "passinumero", "cestovni pas", "utlevel", "utlevelszam", "pasaport", "diavatirio", "διαβατηριο", "паспорт", "旅券番号", "护照",
        ),
        grades=GRADES, match_entire_value=True, reach=60, rarity=0.9, defender=True,
        examples=(("passportNumber", "512340987"), ("passport", "M123A4567"), ("note", "his passport no. is C03005988, issued 2019")),
        counterexamples=(("passport", "verified"), ("passportNumber", "000000000"), ("passportNumber", "20261124"), ("value", "M123A4567"), ("sku", "M12345678")),
    ),
    InformationType(
        id="driver_license",
        name="U.S. Driver's License Number",
        family="documents",
        pattern=r"[A-Za-z9]{5}\d{6}[A-Za-z9]{2}[0-9A-Za-z]{3}|[A-Za-z]{0,3}\d(?:-?[0-9A-Za-z]){4,16}|[A-Z]?\d{2,4}(?: \d{2,4}){2,3}",
        shapes=(r"\b[A-Z]{2,5}9{0,3}[0-9][0156][0-9]([0][1-9]|[12][0-9]|3[01])[0-9][A-Z9]{2}[0-9][A-Z]{2}\b",),
        check=lambda value: 5 <= len(compact(value)) <= 18 and mixed(compact(value)),
        words=(
            "driver license", "drivers license", "driver s license", "driving license", "driving licence", "driver licence", "drivers licence", "driver s licence", "driver license number", "license number driver",
            "dl number", "dl no", "dln", "driving licence number", "driving license number", "licence number", "license number", "licence no", "license no", "driver id", "dvla", "dmv", "driver permit", "driving permit",
            "fuhrerschein", "fuehrerschein", "fuhrerscheinnummer", "permis de conduire", "permis", "numero permis", "permis conduire", "carnet de conducir", "permiso de conducir", "licencia de conducir", "licencia conducir",
            "patente", "patente di guida", "numero patente", "rijbewijs", "rijbewijsnummer", "prawo jazdy", "korkort", "korkortsnummer", "korekort", "forerkort", "ajokortti", "ridicsky prukaz",
            "vodicsky preukaz", "vezetoi engedely", "permis auto", "vozacka dozvola", "vozniško dovoljenje", "juhiluba", "carta de conducao", "adeia odigisis", "us driver license",
        ),
        grades=GRADES._replace(neutral="medium"), match_entire_value=True, reach=60, rarity=0.8, defender=True,
        examples=(
            ("driverLicense", "MORGA657054SM9IJ"), ("drivingLicenceNumber", "SR9301057Q"), ("chatMessage", "My driver's license number is 9434596"), ("comment", "please check MORGA753116SM9IJ again"),
        ),
        counterexamples=(("driverLicense", "expired"), ("driverLicense", "111111111"), ("plate", "SR9301057Q"), ("license", "MIT"), ("licenseType", "B1234567")),
    ),
)  # fmt: skip
