"""Secrets of everyone else: tokens with a provider's prefix, private keys, credentials in URLs and headers, passwords."""

import re

from classifiers.checks import basic_credentials, entropy, filler, password, placeholder, random_text, secret_value
from classifiers.information_type import DISTINCTIVE, Example, Grades, InformationType

FAMILY = "secret"
ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
WORD = ALNUM + "_-"
HEX = "0123456789abcdef"
DIGITS = "0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def token(
    id: str, name: str, pattern: str, shape: str, words: tuple[str, ...], value: str, *more: Example, against: tuple[Example, ...] = (), bits: float = 3.0,
    defender: bool = False, caseless: bool = False,
) -> InformationType:  # fmt: skip
    """A token whose prefix and length its provider publishes."""
    key = words[0].title().replace(" ", "")
    return InformationType(
        id=id, name=name, family=FAMILY, defender=defender, caseless=caseless, ambient=True, grades=DISTINCTIVE, rarity=0.0, words=words, words_in_text=False,
        pattern=rf"(?<![A-Za-z0-9_-])(?:{pattern})(?![A-Za-z0-9_-])", shapes=(shape,), check=random_text(bits),
        examples=((key, value), ("x1", value), ("message", f"Customer called about the key {value} and wants a refund"), *more),
        counterexamples=((key, value[:12]), (key, "<your-key-here>"), *against),
    )  # fmt: skip


CREDENTIALS = r"://[^\s:/@]*:[^\s@/]+@"
_URL_PASSWORD = r"[^\s:/@'\"<>]{0,64}:(?P<value>[^\s@/'\"<>]{2,128})@[^\s/'\"<>@,]{2,256}"


def url_password(value: str) -> bool:
    return not placeholder(value) and not re.fullmatch(r"(?:pass|password|pwd|passwd|secret|x+|yyy|\d{1,5}|\{.*\}|\$.*|:?//.*)", value)


_PAYLOAD = re.compile(r"[A-Za-z0-9+/=]{32}")
_NO_PAYLOAD = re.compile(r"(?:Proc-Type|DEK-Info|Comment|Version):[^\n\\]*|\\[rn]|\s+")


def has_payload(value: str) -> bool:
    """More than the opening line: 32 characters of base64 behind it, whatever the lines are cut into."""
    return _PAYLOAD.match(_NO_PAYLOAD.sub("", value.partition("KEY")[2].partition("-----")[2])) is not None


TYPES = (
    token(
        "aws_access_key_id", "AWS Access Key ID", r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", r"\b(A3T|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8}",
        ("aws access key id", "access key id", "aws key id", "aws access key"), "AK" + "IA" + filler(16, UPPER, 1), ("x1", "AS" + "IA" + filler(16, UPPER, 2)),
        against=(("awsAccessKeyId", "AK" + "IAIOSFODNN7EXAMPLE"), ("sku", "AKIA-1234")),
    ),
    InformationType(
        id="aws_secret_access_key", name="Amazon S3 Client Secret Access Key", family=FAMILY, defender=True, ambient=True, grades=Grades("high", "high", "high"), rarity=0.01,
        pattern=r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        check=lambda value: random_text(3.5)(value) and any(c.isdigit() for c in value) and re.fullmatch(r"[0-9a-fA-F]{40}", value) is None,
        words=("aws secret access key", "secret access key", "aws secret key", "aws secret", "aws session secret", "amazon secret key", "s3 secret key", "aws credentials secret", "secret key aws", "aws key"), reach=80,
        examples=(("secretAccessKey", filler(40, ALNUM + "/+", 3)), ("AWS_SECRET_ACCESS_KEY", filler(40, ALNUM + "/+", 4)), ("note", "aws secret access key is " + filler(40, ALNUM + "/+", 5))),
        counterexamples=(("secretAccessKey", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY"), ("commit", filler(40, HEX, 6)), ("x1", filler(40, ALNUM, 7)), ("awsSecret", filler(40, HEX, 8))),
    ),
    token(
        "github_token", "GitHub Personal Access Token", r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255}", r"(gh[pousr]_[A-Za-z0-9]{8}|github_pat_)",
        ("github token", "gh token", "github pat", "github personal access token", "git hub token"), "gh" + "p_" + filler(36, ALNUM, 9), ("x1", "github" + "_pat_" + filler(22, ALNUM, 10) + "_" + filler(59, ALNUM, 10)),
        against=(("githubToken", "gh" + "p_" + "x" * 36),), defender=True,
    ),
    token(
        "gitlab_token", "GitLab Access Token", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt|oas|ffct|wt)-[A-Za-z0-9_.=-]{20,70}", r"\bgl(pat|dt|rt|cbt|ptt|ft|soat|agent|imt|oas|ffct|wt)-[A-Za-z0-9_-]{4}",
        ("gitlab token", "private token", "gitlab pat", "gitlab private token"), "gl" + "pat-" + filler(20, WORD, 11), against=(("gitlabToken", "gl" + "pat-" + "x" * 20),),
    ),
    token(
        "slack_token", "Slack Access Token", r"xox[pe](?:-[0-9]{10,13}){3}-[A-Za-z0-9-]{28,34}|xoxb-[0-9]{8,14}-(?:[0-9]{10,14}-)?[A-Za-z0-9-]{18,34}|xox[ar]-(?:\d-)?[0-9A-Za-z]{8,48}|xoxs-\d+-\d+-\d+-[a-fA-F\d]{16,}|xoxe(?:\.xox[bp])?-\d-[A-Z0-9a-z]{60,170}|xapp-\d-[A-Z0-9]{8,12}-\d{8,14}-[a-z0-9]{32,64}",
        r"(xox[pebars]-[0-9]|xox[ar]-[0-9A-Za-z]{8}|xoxe[.-]|xapp-[0-9]-)",
        ("slack token", "slack bot token", "slack user token", "slack access token", "slack api token"), "xo" + "xb-" + filler(12, DIGITS, 12) + "-" + filler(12, DIGITS, 13) + "-" + filler(24, ALNUM, 12),
        ("x1", "xo" + "xp-" + filler(11, DIGITS, 14) + "-" + filler(12, DIGITS, 15) + "-" + filler(12, DIGITS, 16) + "-" + filler(32, HEX, 14)),
        against=(("slackToken", "xo" + "xp-1234-1234-1234-" + filler(32, HEX, 17)), ("slackToken", "xo" + "xb-short")), defender=True,
    ),
    token(
        "slack_webhook", "Slack Webhook", r"https?://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{43,64}", r"hooks\.slack(-gov)?\.com/(services|workflows|triggers)/",
        ("slack webhook", "slack webhook url", "webhook url", "webhook", "slack hook", "slack incoming webhook"), "https://hooks.sl" + "ack.com/services/T" + filler(8, UPPER, 18) + "/B" + filler(10, UPPER, 19) + "/" + filler(24, ALNUM, 18),
        against=(("slackWebhook", "https://hooks.sl" + "ack.com/apps/x"),), defender=True,
    ),
    token(
        "stripe_key", "Stripe API Key", r"[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,247}|whsec_[A-Za-z0-9+/=]{24,80}", r"([sr]k_(live|test|prod)_[A-Za-z0-9]{4}|whsec_[A-Za-z0-9+/]{4})",
        ("stripe key", "stripe secret key", "stripe api key", "stripe secret", "stripe restricted key"), "sk" + "_live_" + filler(24, ALNUM, 20), ("x1", "rk" + "_test_" + filler(24, ALNUM, 21)), against=(("publishableKey", "pk" + "_live_" + filler(24, ALNUM, 22)), ("stripeKey", "sk" + "_test_" + "x" * 24)),
    ),
    token(
        "google_api_key", "Google Cloud API Key", r"AIza[A-Za-z0-9_-]{35}", r"AIza[A-Za-z0-9_-]{8}", ("google api key", "x goog api key", "gcp api key", "google maps key", "google key", "firebase key", "gemini api key", "maps api key"),
        "AI" + "za" + filler(35, WORD, 23), against=(("googleApiKey", "AI" + "zaSyabcdefghijklmnopqrstuvwxyz1234567"), ("x1", "AI" + "ZASYCO2CXRMC9ELSKLHLHRMBSWDEVEDZTLO2O")), defender=True,
    ),
    token(
        "google_oauth_client_secret", "Google OAuth Client Secret", r"GOCSPX-[A-Za-z0-9_-]{28}", r"GOCSPX-", ("google client secret", "google oauth client secret", "oauth client secret google", "google secret"), "GOC" + "SPX-" + filler(28, WORD, 24),
    ),
    token(
        "openai_key", "OpenAI API Key", r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,200}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}|sk-[A-Za-z0-9]{48}", r"\bsk-(proj-|svcacct-|admin-|None-|[A-Za-z0-9]{16})",
        ("openai api key", "openai key", "open ai key", "chatgpt key", "openai token"), "sk" + "-proj-" + filler(74, WORD, 25) + "T3Blbk" + "FJ" + filler(74, WORD, 26), ("x1", "sk" + "-" + filler(20, ALNUM, 27) + "T3Blbk" + "FJ" + filler(20, ALNUM, 28)), against=(("openaiKey", "sk" + "-proj-" + "x" * 40),),
    ),
    token(
        "anthropic_key", "Anthropic API Key", r"sk-ant-(?:api|admin|oat|ort|sid)\d{2}-[A-Za-z0-9_-]{80,120}AA", r"sk-ant-[a-z]{3,5}[0-9]{2}-", ("anthropic key", "anthropic api key", "claude api key", "claude key"), "sk" + "-ant-api03-" + filler(93, WORD, 29) + "AA",
        against=(("anthropicKey", "sk" + "-ant-api03-" + filler(93, WORD, 30) + "BB"),),
    ),
    token("npm_token", "npm Access Token", r"npm_[A-Za-z0-9]{36}", r"npm_[A-Za-z0-9]{8}", ("npm token", "npm access token", "npm auth token"), "np" + "m_" + filler(36, ALNUM, 31), against=(("npmToken", "np" + "m_" + "x" * 36), ("npmToken", "npm_config_registry"))),
    token("pypi_token", "PyPI API Token", r"pypi-AgEI[A-Za-z0-9_-]{60,1000}", r"pypi-AgEI", ("pypi token", "pypi api token", "twine password"), "py" + "pi-AgEIcHlwaS5vcmc" + filler(120, WORD, 32), against=(("pypiToken", "py" + "pi-" + filler(20, ALNUM, 32)),)),
    token("sendgrid_key", "SendGrid API Key", r"SG\.[A-Za-z0-9_=-]{16,32}\.[A-Za-z0-9_=-]{32,64}", r"\bSG\.[A-Za-z0-9_=-]{8}", ("sendgrid key", "sendgrid api key", "sendgrid token"), "S" + "G." + filler(22, WORD, 33) + "." + filler(43, WORD, 34), against=(("sendgridKey", "S" + "G.abc.def"),)),
    token("huggingface_token", "Hugging Face Token", r"hf_[A-Za-z0-9]{30,40}|api_org_[A-Za-z0-9]{34}", r"(hf_[A-Za-z0-9]{8}|api_org_)", ("hugging face token", "huggingface token", "hf token", "hf auth token", "huggingface api key", "hf api token"), "h" + "f_" + filler(34, ALNUM, 35), against=(("hfToken", "h" + "f_" + "x" * 34), ("hfToken", "hf_servingcellpriorityparametersdescription_h_prio"))),
    token("digitalocean_token", "DigitalOcean Token", r"do[opr]_v1_[a-f0-9]{64}", r"do[opr]_v1_", ("digitalocean token", "digital ocean token", "do token", "digitalocean access token"), "do" + "p_v1_" + filler(64, HEX, 36), against=(("digitaloceanToken", "do" + "p_v1_" + "0" * 64),)),
    token("shopify_token", "Shopify Access Token", r"shp(?:at|ss|ca|pa)_[A-Fa-f0-9]{32}", r"shp(at|ss|ca|pa)_[A-Fa-f0-9]{4}", ("shopify token", "shopify access token", "shopify secret", "shopify shared secret", "x shopify access token"), "shp" + "at_" + filler(32, HEX, 37), against=(("shopifyToken", "shp" + "at_" + "0" * 32),)),
    token("telegram_token", "Telegram Bot Token", r"[0-9]{8,10}:A[A-Za-z0-9_-]{34}", r"\b[0-9]{8,10}:A[A-Za-z0-9_-]{4}", ("telegram token", "telegram bot token", "bot token", "telegram api token"), filler(9, "123456789", 38) + ":A" + "A" + filler(33, WORD, 38), against=(("telegramToken", "telegram"), ("time", "12345678:A"))),
    InformationType(
        id="twilio_key", name="Twilio API Key", family=FAMILY, ambient=True, grades=DISTINCTIVE, rarity=0.0, pattern=r"(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![A-Za-z0-9])|(?<=AC[0-9a-f]{32}:)[0-9a-f]{32}(?![A-Za-z0-9])", shapes=(r"\bSK[0-9a-f]{12}", r"\bAC[0-9a-f]{32}:[0-9a-f]{12}"),
        named=r"(?<![A-Za-z0-9])(?:SK)?[0-9a-f]{32}(?![A-Za-z0-9])", check=random_text(2.8), words=("twilio api key", "twilio key", "twilio auth token", "twilio token", "twilio secret"), words_in_text=False,
        examples=(("twilioApiKey", "S" + "K" + filler(32, HEX, 39)), ("x1", "S" + "K" + filler(32, HEX, 40)), ("twilioAuthToken", filler(32, HEX, 41))),
        counterexamples=(("twilioApiKey", "S" + "K" + "0" * 32), ("x1", "SK12345"), ("traceId", filler(32, HEX, 42))),
    ),
    token("discord_webhook", "Discord Webhook", r"https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,80}", r"discord(app)?\.com/api/webhooks/", ("discord webhook", "discord webhook url", "discord hook"), "https://disc" + "ord.com/api/webhooks/" + filler(18, "123456789", 43) + "/" + filler(68, WORD, 43)),
    token("databricks_token", "Azure Databricks Personal Access Token", r"dapi[0-9a-f]{32}(?:-\d)?", r"\bdapi[0-9a-f]{8}", ("databricks token", "databricks pat", "databricks api token", "azure databricks token", "databricks personal access token"), "da" + "pi" + filler(32, HEX, 44), against=(("databricksToken", "da" + "pi" + "0" * 32),), defender=True, bits=2.8),
    InformationType(
        id="jwt", name="JSON Web Token", family=FAMILY, ambient=True, grades=DISTINCTIVE, rarity=0.0, pattern=r"(?<![A-Za-z0-9_-])ey[IJ][A-Za-z0-9_-]{10,4096}={0,2}\.ey[IJ][A-Za-z0-9_-]{4,16384}={0,2}\.[A-Za-z0-9_-]{10,2048}={0,2}(?![A-Za-z0-9_-])",
        shapes=(r"\bey[IJ][A-Za-z0-9_=-]+\.ey[IJ]",), check=lambda value: entropy(value) > 4.0 and len(set(value.rpartition(".")[2])) > 6, words=("jwt", "json web token", "id token", "access token", "bearer", "bearer token", "authorization"), words_in_text=False, beside=("azure_entra_token",),
        examples=(("jwt", "ey" + "JhbGciOiJIUzI1NiJ9." + "ey" + "JzdWIiOiJhZGEifQ." + filler(43, WORD, 45)), ("Authorization", "Bearer ey" + "JhbGciOiJIUzI1NiJ9." + "ey" + "JzdWIiOiJhZGEifQ." + filler(43, WORD, 46))),
        counterexamples=(("cursor", "eyJpZCI6IDcyNjYzLCAicCI6IDE5fQ=="), ("jwt", "eyJhbGciOiJIUzI1NiJ9"), ("jwt", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.")),
    ),
    InformationType(
        id="private_key", name="X.509 Certificate Private Key", family=FAMILY, defender=True, ambient=True, grades=DISTINCTIVE, rarity=0.0,
        pattern=r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----[^\0]{16,400}|<RSAKeyValue>[^\0]{0,2000}?<D>[A-Za-z0-9+/=]{20}|PuTTY-User-Key-File-[23]: [^\0]{20,400}",
        shapes=(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY", r"<D>[A-Za-z0-9+/=]{4}", r"PuTTY-User-Key-File-[23]: "),
        check=lambda value: not value.startswith("-----BEGIN") or has_payload(value), words=("private key", "signing key", "ssh key", "rsa private key", "tls key"), words_in_text=False,
        examples=(
            ("privateKey", "-----BEGIN RSA PRIV" + "ATE KEY-----\n" + filler(64, ALNUM, 47) + "\n-----END RSA PRIVATE KEY-----"), ("x1", "-----BEGIN PRIV" + "ATE KEY-----\\n" + filler(64, ALNUM, 48) + "\\n"), ("sshKey", "-----BEGIN OPENSSH PRIV" + "ATE KEY-----\n" + filler(64, ALNUM, 49)),
            ("pem", "-----BEGIN RSA PRIV" + "ATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n" + filler(64, ALNUM, 50)),
        ),
        counterexamples=(("certificate", "-----BEGIN CERTIFICATE-----\n" + filler(64, ALNUM, 51)), ("publicKeyPem", "-----BEGIN PUBLIC KEY-----\n" + filler(64, ALNUM, 52)), ("hint", "paste here: -----BEGIN PRIVATE KEY-----")),
    ),
    InformationType(
        id="db_uri_password", name="Database Connection URI with Password", family=FAMILY, defender=True, ambient=True, grades=DISTINCTIVE, rarity=0.0, check=url_password,
        pattern=r"(?i:\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver|oracle|cockroachdb|clickhouse|cassandra|couchdb|neo4j|db2|snowflake|ldaps?)(?:\+[a-z0-9]{2,20})?://)" + _URL_PASSWORD,
        shapes=(CREDENTIALS,),
        words=("dsn", "database url", "db url", "connection uri", "mongo uri", "redis url"), words_in_text=False,
        examples=(("dsn", "mongodb+srv://ada:" + filler(14, ALNUM, 53) + "@db.contoso.example/song?retryWrites=true"), ("note", "database Url is mysql://ada:" + filler(14, ALNUM, 54) + "@db.contoso.example:3306/song, please update")),
        counterexamples=(("dsn", "postgres://user:password@localhost/db"), ("dsn", "mysql://db.contoso.example:3306/song"), ("dsn", "postgres://app:${DB_PASSWORD}@db/x")),
    ),
    InformationType(
        id="basic_auth_url", name="URL with User and Password", family=FAMILY, ambient=True, grades=DISTINCTIVE, rarity=0.001, check=url_password,
        pattern=r"(?i:\b(?:https?|ftps?|sftp|ssh|smtps?|imaps?|wss?|git|svn|nats|mqtts?|rtsp|socks5h?)://)" + _URL_PASSWORD, shapes=(CREDENTIALS,),
        words=("basic auth url", "repository url", "proxy url"), words_in_text=False,
        examples=(("proxyUrl", "https://ada:" + filler(12, ALNUM, 55) + "@proxy.contoso.example/x"), ("note", "see ftp://ada:" + filler(12, ALNUM, 56) + "@files.contoso.example/ today")),
        counterexamples=(("url", "https://contoso.example:8443/a@b"), ("url", "https://user:password@contoso.example/"), ("url", "https://ada@contoso.example/x")),
    ),
    InformationType(
        id="http_basic_auth", name="HTTP Authorization Header", family=FAMILY, defender=True, ambient=True, grades=DISTINCTIVE, rarity=0.0,
        pattern=r"(?i:\bbasic\s{1,4})(?P<value>[A-Za-z0-9+/]{8,512}={0,2})(?![A-Za-z0-9+/=])", shapes=(r"(?i)\bbasic\s{1,4}[A-Za-z0-9+/]{4}",), check=basic_credentials, words=("authorization", "basic auth", "proxy authorization", "http basic auth", "auth header"), words_in_text=False,
        named=r"(?i:\bbasic\s{1,4})(?P<value>[A-Za-z0-9+/]{8,512}={0,2})(?![A-Za-z0-9+/=])",
        examples=(("Authorization", "Basic " + "YWRhOmxvdmVs" + "YWNlLTE4MTU="), ("note", "send Authorization: Basic " + "Z3JhY2U6SG9w" + "cGVyITE5MDY= with it")),
        counterexamples=(("Authorization", "Basic realm"), ("plan", "basic subscription"), ("note", "basic understanding of things")),
    ),
    InformationType(
        id="password", name="User Login Credentials (Password)", family=FAMILY, defender=True, ambient=True, grades=Grades("high", "medium"), match_entire_value=True, reach=24, rarity=0.95, check=password, pattern=r"\S{4,128}",
        nearby=r"(?<![^\s=:])(?![\w.-]{2,40}[=:])[\"'(]?(?P<value>(?=[^\s\"']*[0-9])(?=[^\s\"']*[a-z])(?=[^\s\"']*(?:[A-Z]|[!@#$%^&*(_+=)]))[^\s\"'<>{}\[\]]{8,64}?)[\"').,;]{0,2}(?!\S)",
        words=(
            "password", "passwd", "pwd", "user password", "passphrase", "login password", "new password", "old password", "current password", "confirm password", "pass word", "passcode", "userpass", "db password", "admin password", "smtp password", "pass",
            "kennwort", "passwort", "mot de passe", "motdepasse", "contrasena", "clave de acceso", "senha", "parola", "wachtwoord", "haslo", "losenord", "adgangskode", "passord", "salasana", "heslo", "jelszo", "lozinka", "geslo", "slaptazodis", "parole", "salasona", "κωδικος", "пароль", "парола",
        ),
        examples=(("password", "Wp^41xRtq"), ("userPassword", "kT9!vReq#2Lm"), ("passwd", "correcthorse"), ("note", "password is Tr0ub4dor&3x, please update the file.")),
        counterexamples=(("passwordPolicy", "min 12 chars, upper, lower, digit"), ("password", "********"), ("password", "is too short"), ("password", "${DB_PASSWORD}"), ("passwordChangedAt", "2026-01-01T00:00:00Z"), ("note", "I forgot my password yesterday, please reset"), ("password", "REDACTED")),
    ),
    InformationType(
        id="generic_secret", name="General Password or Symmetric Key", family=FAMILY, ambient=True, grades=Grades("medium"), match_entire_value=True, rarity=1.0, check=secret_value, pattern=r"[A-Za-z0-9_.~+/=:-]{16,512}",
        words=(
            "api key", "apikey", "secret", "secret key", "client secret", "access key", "access token", "auth token", "refresh token", "api token", "x api key", "api secret", "private token", "encryption key", "signing secret", "webhook secret", "shared secret", "master key", "session token", "bearer token", "consumer secret", "app secret", "service key", "license key secret",
        ),
        words_in_text=False,
        examples=(("apiKey", filler(32, ALNUM, 57)), ("clientSecret", filler(40, WORD, 58))),
        counterexamples=(("apiKey", "<your-api-key>"), ("apiKey", "changeme-in-vault"), ("apiKey", "{{secrets.API_KEY}}"), ("tokenType", filler(32, ALNUM, 59)), ("value", filler(32, ALNUM, 60)), ("publishableKey", "pk" + "_live_" + filler(24, ALNUM, 61))),
    ),
)  # fmt: skip
