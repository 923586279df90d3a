"""What is kept of texts that callers write: names of products, known reasons and known kinds of proof. Whatever else they say could be a person, or tell of one.

Windows keep these texts for thirteen months and are searched for nobody, so nothing may get into them that has to be searched for.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from intel.mask import masked
from model import OTHER
from posture.names import kept_parameter

LONGEST_AGENT = 256
PRODUCTS_OF_ONE = 4
PRODUCTS = frozenset(
    ["aiohttp", "akka-http", "amazonbot", "apachebench", "apache-httpclient", "apifox", "applebot", "applewebkit", "aws-sdk-go", "axios", "azsdk", "azure-logic-apps", "bingbot", "boto3", "brave", "bruno", "build", "burp", "chrome", "cfnetwork", "claudebot", "crios", "curl", "cypress", "darwin", "dart", "dalvik", "deno", "dirbuster", "docker", "duckduckbot", "edg", "edga", "edgios", "edge", "electron", "elastic-heartbeat", "faraday", "feedfetcher", "feroxbuster", "ffuf", "firefox", "fxios", "gecko", "git", "github-hookshot", "gobuster", "go-http-client", "google-http-java-client", "googlebot", "gptbot", "got", "grpc-go", "grpc-java", "grpc-python", "guzzlehttp", "headlesschrome", "httpie", "httpx", "hutool", "insomnia", "insomnium", "java", "java-http-client", "jakarta", "jersey", "jetty", "k6", "ktor-client", "kube-probe", "libcurl", "libwww-perl", "locust", "masscan", "microsoft-edge", "mobile", "mozilla", "msie", "nikto", "nmap", "node", "node-fetch", "node.js", "nuclei", "okhttp", "opera", "opr", "owasp", "paros", "perl", "php", "pingdom", "postman", "postmanruntime", "powerapps", "powershell", "prometheus", "python", "python-httpx", "python-requests", "python-urllib", "reactor-netty", "refit", "resty", "rest-client", "restsharp", "retrofit", "ruby", "rust-reqwest", "reqwest", "safari", "samsungbrowser", "skyscanner", "soapui", "splunk", "spring-webclient", "sqlmap", "starlette", "swagger-codegen", "swagger-ui", "symfony", "thunderclient", "trident", "typhoeus", "undici", "unirest", "uptimerobot", "urllib3", "version", "vivaldi", "wfuzz", "wget", "whatweb", "windowspowershell", "winhttp", "wpscan", "yandexbot", "zap", "zgrab", "zgrab2", "ztunnel"]
)  # fmt: skip
_PRODUCT = re.compile(r"(?<![\w./-])([A-Za-z][A-Za-z0-9._-]{1,31})(?:/v?(\d{1,4}(?:\.\d{1,4})?)[\w.+-]*)?(?![\w/-])")

REASONS = frozenset(
    ["AccessDenied", "AuthorizationFailed", "BackendConnectionFailure", "BadRequest", "CallbackParameterInvalid", "CallerIpBlocked", "CallerIpNotAllowed", "CertificateExpired", "CertificateInvalid", "CertificateNotFound", "ClientConnectionFailure", "ConfigurationFailure", "ContentTypeNotAllowed", "EmptyHost", "ExpressionValueEvaluationFailure", "ForbiddenRequest", "HeaderNotFound", "HeaderValueNotAllowed", "IdentityNotFound", "InternalError", "InvalidRequest", "JwtInvalid", "JwtNotFound", "LimitExceeded", "MethodNotAllowed", "OperationNotFound", "PolicyError", "PolicyEvaluationFailure", "QuotaExceeded", "RateLimitExceeded", "RequestTooLarge", "SchemaValidationFailed", "SubscriptionBlocked", "SubscriptionKeyInvalid", "SubscriptionKeyNotFound", "Timeout", "TokenAudienceNotAllowed", "TokenClaimNotFound", "TokenClaimValueNotAllowed", "TokenExpired", "TokenInvalid", "TokenIssuerNotAllowed", "TokenNotFound", "TokenNotPresent", "TokenSignatureInvalid", "TokenSignatureKeyNotFound", "TransportFailure", "Unauthorized", "Unspecified", "ValidationException", "ValueNotFound"]
)  # fmt: skip
"""`context.LastError.Reason` of API Management's own policies."""

PROOFS = frozenset({"subscription-key", "jwt", "azure-ad-token", "client-certificate", "basic"})
"""What the gateway's policy sends as `auth`, each also with "?" where it was only presented."""


def agent(text: str, key: bytes) -> str:
    """A user agent as the products that it names, with their major and minor version; a keyed hash of 24 bits stands for the rest, so that two stay two."""
    return _agent(text[:LONGEST_AGENT], key) if text else ""


@lru_cache(4096)
def _agent(text: str, key: bytes) -> str:
    found: list[str] = []
    rest = text
    for product in _PRODUCT.finditer(text):
        if product[1].casefold() in PRODUCTS and len(found) < PRODUCTS_OF_ONE:
            found.append(f"{product[1]}/{product[2]}" if product[2] else product[1])
            rest = rest.replace(product[0], "", 1)
    if rest.strip(" ;,()"):
        found.append(f"#{blake2b(text.encode('utf-8', 'surrogatepass'), key=key, digest_size=3, person=b'gw-agent').hexdigest()}")
    return " ".join(found)


def reason(text: str) -> str:
    return text if text in REASONS else OTHER


def evidence(proofs: Iterable[str]) -> str:
    """What proved a caller: known kinds, in order, joined by "+"."""
    return "+".join(sorted({proof if proof.removesuffix("?") in PROOFS else OTHER for proof in proofs}))


def parameter(text: str) -> str:
    """ "path:id" and "query:page" with the parameter's name; "query:*" where a caller wrote what may be a value."""
    return masked(kept_parameter(text))
