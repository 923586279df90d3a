"""Secrets of Azure: keys that carry a signature (as Microsoft's security-utilities lists them), connection strings, tokens."""

import re

from classifiers.checks import entropy, filler, placeholder, random_text
from classifiers.information_type import CHECKED, DISTINCTIVE, Example, Grades, InformationType

FAMILY = "secret_azure"
ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
B64 = ALNUM + "+/"
HEX = "0123456789abcdef"
BY_NAME = Grades("high", "high")
NOT_B64_BEFORE = r"(?<![A-Za-z0-9+/_-])"
NOT_B64_AFTER = r"(?![A-Za-z0-9+/=_-])"


def long_key(signature: str, seed: int) -> str:
    """64 bytes in base64 with a signature, as storage accounts and Cosmos DB have them."""
    return filler(76, B64, seed) + signature + filler(5, B64, seed + 50) + "A" + "=="


def short_key(signature: str, seed: int) -> str:
    """32 bytes in base64 with a signature, as Service Bus and Redis have them."""
    return filler(33, B64, seed) + signature + "D" + filler(5, B64, seed + 50) + "="


def annotated_key(signature: str, seed: int) -> str:
    """The 84 characters of a common annotated security key of a provider."""
    return (
        filler(52, ALNUM, seed) + "JQ" + "QJ9" + "9BA" + "A" + filler(14, ALNUM, seed + 50) + "A" + signature + filler(4, ALNUM, seed + 70)
    )


def azure(
    id: str, name: str, pattern: str, shape: str, words: tuple[str, ...], value: str, *more: Example, named: str | None = None, against: tuple[Example, ...] = (),
    grades: Grades = DISTINCTIVE, defender: bool = True, bits: float = 3.0, beside: tuple[str, ...] = (),
) -> InformationType:  # fmt: skip
    """A key of one form; `value` is a sample, shown under its name, under a name that says nothing, and in a sentence."""
    key = words[0].title().replace(" ", "")
    anywhere: tuple[Example, ...] = (("x1", value), ("message", f"as discussed, {value} - see attachment")) if grades is DISTINCTIVE else ()
    return InformationType(
        id=id, name=name, family=FAMILY, defender=defender, pattern=pattern, shapes=(shape,) if shape else (), named=named, words=words, words_in_text=named is None,
        ambient=True, grades=grades, check=random_text(bits), rarity=0.0, beside=beside, examples=((key, value), *anywhere, *more),
        counterexamples=((key, "<your-key-here>"), ("checksum", filler(43, B64, 9) + "="), *against),
    )  # fmt: skip


def long_form(signature: str) -> str:
    return rf"{NOT_B64_BEFORE}[A-Za-z0-9+/]{{76}}{signature}[A-Za-z0-9+/]{{5}}[AQgw]=={NOT_B64_AFTER}"


def short_form(signature: str) -> str:
    return rf"{NOT_B64_BEFORE}[A-Za-z0-9+/]{{33}}{signature}[A-P][A-Za-z0-9+/]{{5}}={NOT_B64_AFTER}"


def annotated_form(signature: str) -> str:
    return rf"(?<![A-Za-z0-9])[A-Za-z0-9]{{52}}JQQJ[79][0-9A-Z][A-Za-z0-9]{{18}}{signature}[A-Za-z0-9]{{4}}(?![A-Za-z0-9])"


NAMED_LONG = rf"{NOT_B64_BEFORE}[A-Za-z0-9+/]{{86}}=={NOT_B64_AFTER}"
NAMED_SHORT = rf"{NOT_B64_BEFORE}[A-Za-z0-9+/]{{43}}={NOT_B64_AFTER}"
NAMED_HEX = r"(?<![0-9A-Za-z])(?:[0-9a-f]{32}|[0-9A-F]{32})(?![0-9A-Za-z])"

_SAS = r"(?:sv|se|st|sp|sr|ss|srt|spr|sip|si|skn|sdd|skoid|sktid|skt|ske|sks|skv|saoid|suoid|scid|rscd|rsct|epk|spk|srk|erk|tn)"
_CONNECTION = (
    r"(?i:(?:(?:server|data source|addr|address|network address)\s*=\s*[^;\n]{3,200}|jdbc:sqlserver://[^;\n]{3,200});"
    r"(?:[^;\n]{0,200};){0,12}?\s*(?:password|pwd)\s*=\s*)(?P<value>[^;\n]{1,128})"
)
_CONNECTION_REVERSED = r"(?i:(?:^|;)\s*(?:password|pwd)\s*=\s*)(?P<value2>[^;\n]{1,128})(?i:;(?:[^;\n]{0,200};){0,6}?\s*(?:server|data source)\s*=\s*[^;\n]{3,200})"


def shared_access_signature(value: str) -> bool:
    """A signature with an expiry or a stored policy; not the documentation's `sig=...`."""
    found = re.search(r"sig=([A-Za-z0-9%+/_-]{40,128})", value)
    return found is not None and re.search(r"(?:^|[?& ])(?:se|si|skn|sv)=", value) is not None and entropy(found[1]) > 3.5


def sas(seed: int) -> str:
    return "sv=2022-11-02&ss=b&srt=sco&sp=rl&se=2026-08-24T17:00:00Z&s" + "ig=" + filler(42, ALNUM, seed) + "%3D"


TYPES = (
    azure(
        "azure_storage_key", "Azure Storage Account Key (Generic)",
        rf"{long_form(r'[+]ASt')}|(?i:accountname=[^;\n]{{1,64}};(?:[^;\n]{{0,200}};){{0,6}}?accountkey=)[A-Za-z0-9+/]{{86}}==",
        r"(\+ASt[A-Za-z0-9+/]{4}|;[Aa]ccount[Kk]ey=)",
        ("azure storage key", "storage key", "storage account key", "account key", "azure storage account key", "blob key", "storage access key", "azure storage", "storage connection string", "azure web jobs storage", "storage account access key", "blob storage key"),
        long_key("+A" + "St", 1), ("conn", "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=" + filler(86, B64, 3) + "==;EndpointSuffix=core.windows.net"), ("storageKey", filler(86, B64, 4) + "=="),
        named=f"{NAMED_LONG}|{long_form('[+]ASt')}|(?i:accountkey=)[A-Za-z0-9+/]{{86}}==",
        against=(("hash", filler(86, B64, 5) + "=="), ("x1", filler(86, B64, 6) + "==")),
    ),
    InformationType(
        id="azure_sas_token", name="Azure Storage Account Shared Access Signature", family=FAMILY, defender=True, ambient=True, grades=DISTINCTIVE, rarity=0.0,
        pattern=rf"(?<![A-Za-z0-9])(?:{_SAS}=[^&\s\"'<>]{{1,256}}(?:&|&amp;)){{1,18}}sig=[A-Za-z0-9%+/_-]{{40,128}}=?(?:&{_SAS}=[^&\s\"'<>]{{1,256}}){{0,18}}"
        rf"|(?<![A-Za-z0-9])sig=[A-Za-z0-9%+/_-]{{40,128}}=?(?:&{_SAS}=[^&\s\"'<>]{{1,256}}){{1,18}}",
        shapes=(r"\bsig=[A-Za-z0-9%+/_-]{4}",), check=shared_access_signature,
        words=("sas token", "sas", "sas url", "shared access signature", "sas uri", "blob sas", "storage sas", "container sas"), words_in_text=False,
        examples=(("sasToken", "?" + sas(1)), ("message", "as discussed, " + sas(2) + " - see attachment"), ("x1", "https://contoso.blob.core.windows.net/c/b.pdf?" + sas(3)), ("auth", "SharedAccessSignature sr=contoso.servicebus.windows.net&" + "sig=" + filler(42, ALNUM, 4) + "%3D&se=1790000000&skn=Root")),
        counterexamples=(("sasToken", "?sv=2022-11-02&sig=..."), ("url", "https://contoso.example/?sig=" + filler(20, ALNUM, 4)), ("etag", "sig")),
    ),
    InformationType(
        id="azure_sql_connection_string", name="Azure SQL Connection String", family=FAMILY, defender=True, ambient=True, grades=DISTINCTIVE, rarity=0.0,
        pattern=f"{_CONNECTION}|{_CONNECTION_REVERSED}", shapes=(r"(?i)\b(password|pwd)\s?=[^\n]",),
        check=lambda value: len(value.strip()) >= 3 and not placeholder(value.strip()),
        words=("sql connection", "connection string", "sql connection string", "db connection", "azure sql connection string", "db conn", "database connection"), words_in_text=False,
        examples=(
            ("sqlConnection", "Server=tcp:contoso.database.windows.net,1433;Initial Catalog=db;User ID=app;Pass" + "word=" + filler(14, ALNUM, 1) + ";Encrypt=True;"),
            ("x1", "jdbc:sqlserver://contoso.database.windows.net:1433;database=db;user=app;pass" + "word=" + filler(14, ALNUM, 2) + ";encrypt=true"),
            ("note", "use Data Source=contoso.database.windows.net;Initial Catalog=db;User Id=app;P" + "wd=" + filler(14, ALNUM, 3)),
        ),
        counterexamples=(("sqlConnection", "Server=tcp:contoso.database.windows.net,1433;Password={your_password};"), ("x1", "Server=contoso;Database=db;Trusted_Connection=True;"), ("note", "user=a; password=required for login")),
    ),
    azure(
        "azure_cosmosdb_key", "Azure Cosmos DB Account Access Key", rf"{long_form('ACDb')}|(?i:accountendpoint=https://[^;\n]{{3,120}};(?:[^;\n]{{0,200}};){{0,4}}?accountkey=)[A-Za-z0-9+/]{{86}}==",
        r"(ACDb[A-Za-z0-9+/]{4}|[Aa]ccount[Ee]ndpoint=https://)",
        ("cosmos key", "cosmos db key", "cosmosdb key", "cosmos", "cosmosdb", "primary master key", "secondary master key", "master key cosmos", "documentdb key", "cosmos db", "azure cosmos key", "cosmos connection string"),
        long_key("AC" + "Db", 11), ("primaryMasterKey", "AccountEndpoint=https://contoso.documents.azure.com:443/;AccountKey=" + filler(86, B64, 12) + "==;"), ("cosmosKey", filler(86, B64, 13) + "=="),
        named=f"{NAMED_LONG}|{long_form('ACDb')}|(?i:accountkey=)[A-Za-z0-9+/]{{86}}==", against=(("cosmosKey", filler(40, B64, 14)),),
    ),
    azure(
        "azure_shared_access_key", "Azure Shared Access Key (Service Bus, Event Hubs, IoT Hub, Relay)",
        rf"{short_form('(?:[+]ASb|[+]AEh|[+]ARm|AIoT)')}|(?i:(?:endpoint=sb://|hostname=)[^;\n]{{3,200}};(?:[^;\n]{{0,200}};){{0,4}}?sharedaccesskey=)[A-Za-z0-9+/]{{43}}=",
        r"((\+ASb|\+AEh|\+ARm|AIoT)[A-P]|[Ss]hared[Aa]ccess[Kk]ey=)",
        ("shared access key", "service bus key", "event hub key", "event hubs key", "iot hub key", "relay key", "sb key", "service bus connection", "service bus connection string", "event hub connection string", "event hub connection", "iot hub connection string", "device primary key", "root manage shared access key", "servicebus key", "servicebus", "eventhub key"),
        short_key("+A" + "Sb", 21), ("queue", "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=Root;Shared" + "AccessKey=" + filler(43, B64, 22) + "="), ("serviceBusKey", filler(43, B64, 23) + "="), ("x1", short_key("+A" + "Eh", 24)), ("x1", short_key("AI" + "oT", 25)),
        named=f"{NAMED_SHORT}|(?i:sharedaccesskey=)[A-Za-z0-9+/]{{43}}=", against=(("x1", filler(43, B64, 26) + "="),),
    ),
    azure(
        "azure_entra_client_secret", "Azure AD Client Secret (Entra)", r"(?<![~.A-Za-z0-9_+/-])[~.A-Za-z0-9_-]{3}[78]Q~[~.A-Za-z0-9_-]{30,33}[~A-Za-z0-9_-](?![~A-Za-z0-9_+/-]|\.[A-Za-z0-9])", r"[78]Q~[~.A-Za-z0-9_-]{4}",
        ("client secret", "entra client secret", "azure client secret", "aad client secret", "app secret", "application secret", "azure ad client secret", "client secret value"),
        filler(3, ALNUM, 31) + "8" + "Q~" + filler(34, ALNUM + "_-.~", 31), against=(("clientSecret", filler(3, ALNUM, 32) + "9Q~" + filler(34, ALNUM, 32)),),
    ),
    InformationType(
        id="azure_entra_token", name="Azure AD User Credentials and Access Tokens (Entra)", family=FAMILY, defender=True, ambient=True, grades=DISTINCTIVE, rarity=0.0, beside=("jwt",),
        # base64 of `login.microsoftonline.com` and `sts.windows.net` at each of the three alignments
        pattern=r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,4096}\.eyJ[A-Za-z0-9_-]{0,4096}?(?:bG9naW4ubWljcm9zb2Z0b25saW5lLmNvb|sb2dpbi5taWNyb3NvZnRvbmxpbmUuY29t|xvZ2luLm1pY3Jvc29mdG9ubGluZS5jb2|c3RzLndpbmRvd3MubmV0|N0cy53aW5kb3dzLm5ld|zdHMud2luZG93cy5uZX)[A-Za-z0-9_-]{0,8192}\.[A-Za-z0-9_-]{10,2048}",
        shapes=(r"\bey[IJ][A-Za-z0-9_=-]+\.ey[IJ]",), words=("access token", "entra token", "aad token"), words_in_text=False,
        examples=(
            ("accessToken", "eyJ" + "hbGciOiAiUlMyNTYifQ." + "eyJ" + "pc3MiOiAiaHR0cHM6Ly9sb2dpbi5taWNyb3NvZnRvbmxpbmUuY29tL3gvdjIuMCJ9." + filler(86, ALNUM, 41)),
            ("x1", "eyJ" + "hbGciOiAiUlMyNTYifQ." + "eyJ" + "pc3MiOiAiaHR0cHM6Ly9zdHMud2luZG93cy5uZXQveC8ifQ." + filler(86, ALNUM, 42)),
        ),
        counterexamples=(("accessToken", "eyJ" + "hbGciOiAiUlMyNTYifQ." + "eyJ" + "pc3MiOiAiaHR0cHM6Ly9pZHAuZXhhbXBsZSJ9." + filler(86, ALNUM, 43)), ("cursor", "eyJpZCI6IDcyNjYzLCAicCI6IDE5fQ==")),
    ),
    azure(
        "azure_devops_pat", "Azure DevOps Personal Access Token", r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}|[a-z2-7]{52})(?![A-Za-z0-9])", r"(AZDO[A-Za-z0-9]{4}\b|\b[a-z2-7]{52}\b)",
        ("azure devops pat", "personal access token", "devops pat", "ado pat", "ado token", "devops token", "azure devops token", "vsts token", "system accesstoken"),
        filler(52, "abcdefghijklmnopqrstuvwxyz234567", 51), ("x1", filler(76, ALNUM, 52) + "AZ" + "DO" + filler(4, ALNUM, 52)), ("message", f"token {filler(52, 'abcdefghijklmnopqrstuvwxyz234567', 53)} expires"),
        against=(("personalAccessToken", "a" * 52), ("sha256", filler(64, HEX, 54))), grades=CHECKED._replace(neutral="high", unknown="high"), bits=3.5,
    ),
    azure(
        "azure_search_key", "Azure Search API Key", r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5}(?![A-Za-z0-9+/=_-])", r"AzSe[A-D][A-Za-z0-9]{4}",
        ("azure search key", "search admin key", "search api key", "search key", "azure search admin key", "search service key", "cognitive search key", "search query key", "azure search", "azure search api key", "api key"),
        filler(42, ALNUM, 61) + "Az" + "SeA" + filler(5, ALNUM, 61), ("api-key", filler(52, ALNUM, 62)), named=r"(?<![A-Za-z0-9_-])[A-Za-z0-9]{52}(?![A-Za-z0-9_-])",
    ),
    azure(
        "azure_function_key", "Azure Function Master / API Key", r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{5}[AQgw]==(?![A-Za-z0-9_-])", r"AzFu[A-Za-z0-9_-]{4}",
        ("x functions key", "function key", "functions key", "azure function key", "azure functions key", "function app key", "host key", "function master key", "x functions clientid"),
        filler(44, ALNUM + "_-", 71) + "Az" + "Fu" + filler(5, ALNUM, 71) + "A==", ("functionKey", filler(54, ALNUM + "/", 72) + "=="), named=rf"{NOT_B64_BEFORE}[A-Za-z0-9+/_-]{{54}}=={NOT_B64_AFTER}",
    ),
    azure(
        "azure_acr_key", "Azure Container Registry Access Key", rf"{NOT_B64_BEFORE}[A-Za-z0-9+/]{{42}}[+]ACR[A-D][A-Za-z0-9+/]{{5}}{NOT_B64_AFTER}", r"\+ACR[A-D]",
        ("container registry key", "acr key", "acr password", "registry password", "container registry password", "azure container registry"),
        filler(42, B64, 81) + "+A" + "CRA" + filler(5, B64, 81), ("acrPassword", filler(32, B64, 82)), named=rf"{NOT_B64_BEFORE}(?:[A-Za-z0-9+/]{{52}}|[A-Za-z0-9+/=]{{32}}){NOT_B64_AFTER}",
    ),
    azure(
        "azure_batch_key", "Azure Batch Shared Access Key", long_form(r"[+]ABa"), r"\+ABa[A-Za-z0-9+/]{4}", ("batch key", "azure batch key", "batch account key", "batch shared key", "batch access key"),
        long_key("+A" + "Ba", 91), ("batchAccountKey", filler(86, B64, 92) + "=="), named=NAMED_LONG,
    ),
    azure(
        "azure_redis_key", "Azure Redis Cache Connection String / Key", short_form("AzCa") + r"|(?<![A-Za-z0-9-])[a-z0-9-]{1,63}\.redis\.cache\.windows\.net:\d{2,5},password=[A-Za-z0-9+/]{43}=", r"(AzCa[A-P]|\.redis\.cache\.windows\.net:)",
        ("redis key", "redis cache key", "azure redis key", "redis access key", "redis primary key", "redis connection", "redis connection string", "azure redis"),
        short_key("Az" + "Ca", 101), ("redisConnection", "contoso.redis.cache.windows.net:6380,password=" + filler(43, B64, 102) + "=,ssl=True"), named=rf"{NAMED_SHORT}|(?i:password=)[A-Za-z0-9+/]{{43}}=",
    ),
    azure(
        "azure_eventgrid_key", "Azure Event Grid Access Key", short_form("AZEG"), r"AZEG[A-P]", ("event grid key", "eventgrid key", "aeg sas key", "event grid access key", "topic key", "event grid topic key"),
        short_key("AZ" + "EG", 111), ("aeg-sas-key", filler(43, B64, 112) + "="), named=NAMED_SHORT,
    ),
    azure(
        "azure_signalr_key", "Azure SignalR Access Key", rf"(?i:endpoint=https://[a-z0-9-]{{1,63}}\.service\.signalr\.net;(?:[^;\n]{{0,200}};){{0,3}}?accesskey=)[A-Za-z0-9+/]{{43}}=|{annotated_form('ASRS')}", r"(service\.signalr\.net;|ASRS[A-Za-z0-9]{4}\b)",
        ("signalr key", "signal r key", "azure signalr key", "signalr access key", "signalr connection string", "azure signal r connection string", "azure signalr"),
        annotated_key("AS" + "RS", 121), ("hub", "Endpoint=https://contoso.service.signalr.net;Access" + "Key=" + filler(43, B64, 122) + "=;Version=1.0;"), ("signalrKey", filler(43, B64, 123) + "="), named=rf"{NAMED_SHORT}|(?i:accesskey=)[A-Za-z0-9+/]{{43}}=",
    ),
    azure(
        "azure_maps_key", "Azure Maps Subscription Key", annotated_form("AZMP"), r"AZMP[A-Za-z0-9]{4}\b", ("azure maps key", "maps key", "azure maps subscription key", "maps subscription key", "azure maps"),
        annotated_key("AZ" + "MP", 131), ("azureMapsKey", filler(43, ALNUM, 132)), named=r"(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]{43}|[A-Za-z0-9]{84})(?![A-Za-z0-9_-])",
    ),
    azure(
        "azure_ml_key", "Azure Machine Learning Web Service Key", long_form(r"[+]AMC") + "|" + annotated_form("AAAM"), r"(\+AMC[A-Za-z0-9+/]{4}|AAAM[A-Za-z0-9]{4}\b)",
        ("azure ml key", "machine learning key", "azure machine learning key", "ml web service key", "ml endpoint key", "aml key", "azureml key"),
        long_key("+A" + "MC", 141), ("azureMlKey", filler(32, ALNUM, 142)), named=rf"{NAMED_LONG}|(?<![A-Za-z0-9])[A-Za-z0-9]{{32}}(?![A-Za-z0-9])",
    ),
    azure(
        "azure_bot_secret", "Azure Bot Service App Secret / Direct Line Secret", annotated_form("AZBS"), r"AZBS[A-Za-z0-9]{4}\b",
        ("bot secret", "direct line secret", "directline secret", "direct line key", "bot app secret", "microsoft app password", "bot framework secret", "web chat secret"),
        annotated_key("AZ" + "BS", 151), ("directLineSecret", filler(11, ALNUM, 152) + ".cw" + "A." + filler(43, ALNUM, 152)), against=(("path", "aaaaaaaaaaa.bbb." + "c" * 43),),
        named=rf"(?<![A-Za-z0-9_.-])[A-Za-z0-9_-]{{11}}\.[A-Za-z0-9_-]{{3}}\.[A-Za-z0-9_-]{{43}}(?![A-Za-z0-9_.-])|{annotated_form('AZBS')}",
    ),
    azure(
        "azure_cognitive_key", "Azure Cognitive Service Key", annotated_form("ACOG"), r"ACOG[A-Za-z0-9]{4}\b",
        ("cognitive services key", "cognitive key", "cognitive service key", "azure cognitive key", "speech key", "vision key", "translator key", "face api key", "form recognizer key", "document intelligence key", "text analytics key", "language key azure", "azure ai key"),
        annotated_key("AC" + "OG", 161), ("speechKey", filler(32, HEX, 162)), named=f"{NAMED_HEX}|{annotated_form('ACOG')}",
    ),
    azure(
        "azure_openai_key", "Azure OpenAI Key", "", "", ("azure openai key", "azure openai api key", "openai azure key", "aoai key", "azure open ai key"), annotated_key("AC" + "OG", 171),
        ("azureOpenaiApiKey", filler(32, HEX, 172)), named=f"{NAMED_HEX}|{annotated_form('ACOG')}", grades=BY_NAME, defender=False, beside=("azure_cognitive_key",),
    ),
    azure(
        "azure_app_service_password", "Azure App Service Deployment Password", r"(?i:userpwd\s*=\s*[\"'])[A-Za-z0-9]{60}[\"']", r"(?i)\b(userpwd|managementcertificate)\s?=",
        ("user pwd", "app service deployment password", "deployment password", "publish password", "publish profile password", "ftp deployment password", "app service password"),
        filler(60, ALNUM, 181), ("profile", "<p userP" + 'WD="' + filler(60, ALNUM, 182) + '"'), named=r"(?<![A-Za-z0-9])[A-Za-z0-9]{60}(?![A-Za-z0-9])", beside=("azure_publish_settings",), grades=CHECKED._replace(neutral="high", unknown="high"),
    ),
    azure(
        "azure_publish_settings", "Azure Publish Setting Password", r"(?i:<?publishprofile\b[^>\n]{0,800}userpwd\s*=\s*[\"'])[^\"'\n]{20,128}[\"']|(?i:managementcertificate\s*=\s*[\"'])[A-Za-z0-9+/=]{40,8000}[\"']", r"(?i)\b(userpwd|managementcertificate)\s?=",
        ("publish settings", "publishsettings", "publish profile", "azure publish settings"),
        '<publishProfile profileName="contoso" publishMethod="MSDeploy" userName="$contoso" userP' + 'WD="' + filler(60, ALNUM, 191) + '" />', ("x1", '<publishProfile profileName="x" userP' + 'WD="' + filler(60, ALNUM, 192) + '" />'), grades=CHECKED._replace(neutral="high", unknown="high"),
    ),
    azure(
        "aspnet_machine_key", "ASP.NET Machine Key", r"(?i:(?:validation|decryption)key\s*=\s*[\"'])[0-9A-Fa-f]{32,256}[\"']", r"(?i)(validation|decryption)key\s?=\s?[\"']",
        ("machine key", "machinekey", "validation key", "decryption key", "asp net machine key"),
        filler(128, "0123456789ABCDEF", 201), ("config", '<machineKey validation' + 'Key="' + filler(128, "0123456789ABCDEF", 202) + '" validation="HMACSHA256" />'), named=r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{128}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{48})(?![0-9A-Za-z])", grades=CHECKED._replace(neutral="high", unknown="high"), bits=2.5,
    ),
    azure(
        "azure_apim_subscription_key", "Azure API Management Subscription Key", long_form("APIM"), r"APIM[A-Za-z0-9+/]{4}",
        ("ocp apim subscription key", "apim subscription key", "apim key", "subscription key", "api management key", "apim subscription"),
        long_key("AP" + "IM", 211), ("Ocp-Apim-Subscription-Key", filler(32, HEX, 212)), named=f"{NAMED_HEX}|{long_form('APIM')}", defender=False,
    ),
)  # fmt: skip
