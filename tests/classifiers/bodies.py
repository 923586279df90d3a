"""Bodies written by hand as real APIs write them, with the types that they hold; and bodies that hold nothing.

Numbers are published test numbers; secrets are made when they are asked for.
"""

import base64
import json
from typing import Any

from classifiers.checks import filler

JSON, XML, CSV, TEXT, FORM = "application/json", "application/xml", "text/csv", "text/plain", "application/x-www-form-urlencoded"
HEX, ALNUM = "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
GITHUB = "gh" + "p_" + filler(36, ALNUM, 7)
GITLAB = "gl" + "pat-" + filler(20, ALNUM, 8)
TWILIO_SID, TWILIO_TOKEN = "AC" + filler(32, HEX, 9), filler(32, HEX, 10)
PASSWORD = filler(14, ALNUM, 11)
IBAN, CARD, SSN, MAIL, PHONE, BSN, NHS, AHV = (
    "GB82WEST12345698765432",
    "4111111111111111",
    "536-90-4399",
    "ada@example.com",
    "+12025550123",
    "111222333",
    "943 476 5919",
    "756.9217.0769.85",
)


def fhir(**fields: Any) -> str:
    return json.dumps({"resourceType": "Patient", "id": "p1", **fields})


def packed(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


Body = tuple[str, str, str, set[str]]


def bodies() -> list[Body]:
    """(what it is, content type, text, ids of the types that it holds)"""
    return [
        # FHIR
        ("ssn by its system", JSON, fhir(identifier=[{"system": "http://hl7.org/fhir/sid/us-ssn", "value": SSN}]), {"us_ssn"}),
        (
            "npi by its system",
            JSON,
            fhir(identifier=[{"use": "official", "system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}]),
            {"us_npi"},
        ),
        (
            "medicare by its system",
            JSON,
            fhir(identifier=[{"system": "http://hl7.org/fhir/sid/us-mbi", "value": "1EG4TE5MK73"}]),
            {"us_mbi"},
        ),
        (
            "nhs number by its system",
            JSON,
            fhir(identifier=[{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919"}]),
            {"gb_nhs"},
        ),
        (
            "bsn by its system",
            JSON,
            fhir(identifier=[{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": BSN}]),
            {"national_id.nl"},
        ),
        ("ssn by oid", JSON, fhir(identifier=[{"system": "urn:oid:2.16.840.1.113883.4.1", "value": "536904399"}]), {"us_ssn"}),
        ("a phone of telecom", JSON, fhir(telecom=[{"system": "phone", "value": "(03) 5555 6473", "use": "work"}]), {"phone"}),
        ("a mail of telecom", JSON, fhir(telecom=[{"system": "email", "value": MAIL}]), {"email"}),
        ("a birth date", JSON, fhir(birthDate="1974-12-25"), {"date_of_birth"}),
        ("a coded diagnosis", JSON, fhir(code={"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}]}), set()),
        # files of settings, pairs of keys and values
        ("an .env", TEXT, f"APP_ENV=production\nDB_PASSWORD={PASSWORD}\nPORT=8080\n", {"password"}),
        ("an .env with exports", TEXT, f"export DATABASE_HOST=db\nexport ADMIN_PASSWORD='{PASSWORD}'\n", {"password"}),
        ("an .env inside JSON", JSON, json.dumps({"file": f"A=1\nADMIN_EMAIL={MAIL}\nB=2"}), {"email"}),
        ("an .env with a card", TEXT, f"# test\nTEST_CARD_NUMBER={CARD}\nX=1\n", {"credit_card"}),
        ("properties", TEXT, f"app.name=shop\nspring.datasource.password={PASSWORD}\n", {"password"}),
        ("pairs of a log", TEXT, f"level=info user=ann ssn={SSN} ok=true", {"us_ssn"}),
        ("pairs in a message", JSON, json.dumps({"log": f"login failed password={PASSWORD} attempts=3"}), {"password"}),
        ("pairs in quotes", JSON, json.dumps({"line": f'iban="{IBAN}" amount="12.00"'}), {"iban"}),
        ("a twilio token in an .env", TEXT, f"TWILIO_ACCOUNT_SID={TWILIO_SID}\nTWILIO_AUTH_TOKEN={TWILIO_TOKEN}\n", {"twilio_key"}),
        ("yaml", TEXT, f"db:\n  user: app\n  password: {PASSWORD}\n", {"password"}),
        ("a docker command", JSON, json.dumps({"cmd": f"docker run -e ADMIN_PASSWORD={PASSWORD} img"}), {"password"}),
        # links and cards
        ("mailto", JSON, json.dumps({"link": f"mailto:{MAIL}"}), {"email"}),
        ("mailto with a subject", JSON, json.dumps({"href": f"mailto:{MAIL}?subject=Hi"}), {"email"}),
        ("tel", JSON, json.dumps({"link": f"tel:{PHONE}"}), {"phone"}),
        ("tel with hyphens", JSON, json.dumps({"action": "tel:+1-202-555-0123"}), {"phone"}),
        ("links in markup", JSON, json.dumps({"html": f'<a href="mailto:{MAIL}">m</a> <a href="tel:{PHONE}">t</a>'}), {"email", "phone"}),
        (
            "a contact card",
            "text/vcard",
            f"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada\r\nEMAIL;TYPE=work:{MAIL}\r\nTEL;TYPE=cell;VALUE=uri:tel:{PHONE}\r\nBDAY:1974-12-25\r\nEND:VCARD\r\n",
            {"email", "phone", "date_of_birth"},
        ),
        ("a contact card in JSON", JSON, json.dumps({"card": f"BEGIN:VCARD\nVERSION:3.0\nTEL:{PHONE}\nEND:VCARD"}), {"phone"}),
        ("sms", JSON, json.dumps({"uri": f"sms:{PHONE}"}), {"phone"}),
        # tokens in addresses
        (
            "a clone URL of GitHub",
            JSON,
            json.dumps({"remote": f"https://x-access-token:{GITHUB}@github.com/contoso/app.git"}),
            {"github_token"},
        ),
        ("a clone URL with the token as user", JSON, json.dumps({"url": f"https://{GITHUB}@github.com/contoso/app.git"}), {"github_token"}),
        (
            "a clone URL of GitLab",
            JSON,
            json.dumps({"repo": f"git clone https://oauth2:{GITLAB}@gitlab.com/contoso/app.git"}),
            {"gitlab_token"},
        ),
        ("a URL with a password", JSON, json.dumps({"url": f"https://svc:{PASSWORD}@contoso.example/x"}), {"basic_auth_url"}),
        # ISO 20022
        ("a creditor's account", XML, f"<Document><CdtrAcct><Id><IBAN>{IBAN}</IBAN></Id></CdtrAcct></Document>", {"iban"}),
        (
            "a contact",
            XML,
            f"<Document><CtctDtls><PhneNb>+1-2025550123</PhneNb><EmailAdr>{MAIL}</EmailAdr></CtctDtls></Document>",
            {"phone", "email"},
        ),
        ("a mobile number", JSON, json.dumps({"CtctDtls": {"MobNb": "+44-7700900461"}}), {"phone"}),
        ("a birth", XML, "<PrvtId><DtAndPlcOfBirth><BirthDt>1974-12-25</BirthDt></DtAndPlcOfBirth></PrvtId>", {"date_of_birth"}),
        ("an agent", JSON, json.dumps({"CdtrAgt": {"FinInstnId": {"BICFI": "DEUTDEFF"}}}), {"swift_code"}),
        ("a card", XML, f"<Card><PlainCardData><PAN>{CARD}</PAN></PlainCardData></Card>", {"credit_card"}),
        # base64 of JSON
        ("an object in base64", JSON, json.dumps({"state": packed({"email": MAIL, "n": 1})}), {"email"}),
        ("a list in base64", JSON, json.dumps({"blob": packed([{"iban": IBAN}])}), {"iban"}),
        ("base64 in a form", FORM, "data=" + packed({"cardNumber": CARD}).replace("=", "%3D").replace("+", "%2B"), {"credit_card"}),
        # pairs of providers
        ("a sid and its token", JSON, json.dumps({"accountSid": TWILIO_SID, "authToken": TWILIO_TOKEN}), {"twilio_key"}),
        ("a sid and its token by other names", JSON, json.dumps({"sid": TWILIO_SID, "token": TWILIO_TOKEN}), {"twilio_key"}),
        ("a sid and its token for curl", TEXT, f"curl -u {TWILIO_SID}:{TWILIO_TOKEN} https://api.twilio.com/", {"twilio_key"}),
        # CSV
        (
            "German columns",
            CSV,
            f"Nachname;Vorname;E-Mail;Telefon;IBAN\nMuster;Max;max@example.de;030 901820;{IBAN}\n",
            {"email", "phone", "iban"},
        ),
        (
            "French columns",
            CSV,
            f"Nom;Prénom;Adresse e-mail;Téléphone;Carte bancaire\nDupont;Anne;anne@example.fr;01 23 45 67 89;{CARD}\n",
            {"email", "phone", "credit_card"},
        ),
        (
            "Spanish columns",
            CSV,
            "Nombre,Apellidos,Correo electrónico,DNI\nAna,García,ana@example.es,12345678Z\n",
            {"email", "national_id.es"},
        ),
        ("Dutch columns", CSV, f"Naam;BSN;Geboortedatum\nJan;{BSN};25-12-1974\n", {"national_id.nl", "date_of_birth"}),
        ("tabs", "text/tab-separated-values", f"name\temail\tssn\nAnn\t{MAIL}\t{SSN}\n", {"email", "us_ssn"}),
        ("a byte order mark", CSV, f"\ufeffemail;card number\n{MAIL};{CARD}\n", {"email", "credit_card"}),
        # nothing
        (
            "bare numbers as values",
            JSON,
            json.dumps(
                [
                    {"name": "x", "value": CARD},
                    {"data": "536904399"},
                    {"value": "12345678"},
                    {"data": "9434765919"},
                    {"value": "4929123412341234"},
                ]
            ),
            set(),
        ),
        (
            "versions",
            JSON,
            json.dumps({"value": "8.0.1.2", "data": "4.18.2.1", "x": "1.2.3.4", "text": "updated to 10.2.0.1 today"}),
            set(),
        ),
        ("a state without data", JSON, json.dumps({"cursor": packed({"id": 72663, "p": 19})}), set()),
        (
            "settings without secrets",
            TEXT,
            "APP_ENV=production\nPORT=8080\nDEBUG=false\nLOG_LEVEL=info\nDB_PASSWORD=${DB_PASSWORD}\n",
            set(),
        ),
        ("a page's address", JSON, json.dumps({"url": "https://contoso.example/?page=2&sort=name", "at": "2026-11-24T10:00:00Z"}), set()),
        ("an order", JSON, json.dumps({"orderNumber": CARD, "sku": "AB1234563", "quantity": 3, "total": "1234.50"}), set()),
        ("markup", XML, "<order id='4111'><note>thank you</note><ts>1700000000</ts></order>", set()),
        ("a schedule", JSON, json.dumps({"cron": "0 0 * * *", "tz": "UTC", "next": "2026-11-24"}), set()),
        ("code systems", JSON, json.dumps({"coding": [{"system": "http://loinc.org", "code": "1234-5", "value": "12345678"}]}), set()),
        ("a two-word time", TEXT, "time: 10:30\nplace: here\n", set()),
        ("a feature flag", JSON, json.dumps({"name": "password-reset", "type": "flag", "value": "enabled"}), set()),
        ("a colour table", CSV, "name;hex\nred;ff0000\nblue;0000ff\n", set()),
        ("a mail link without an address", JSON, json.dumps({"href": "mailto:?subject=Hi", "tel": "tel:"}), set()),
        ("a hash pair", JSON, json.dumps({"id": filler(34, HEX, 12), "checksum": filler(32, HEX, 13)}), set()),
    ]
