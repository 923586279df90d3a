"""Rules that one call alone can break: ids under which a tally counts what broke them, and of the detectors that alert on it.

A detector of such a rule takes its id from here; every other detector writes its own.
"""

SUSPICIOUS_AGENT = "API_AccessFromSuspiciousUserAgent"
TOR_EXIT_NODE = "API_AccessFromTorExitNode"
SUSPICIOUS_IP = "API_AccessFromSuspiciousIP"
INJECTION = "API_Injection"
AS_TEXT = " as text"
"""In what INJECTION tells, after the family: the value is about code, or whole code of its own."""
POLLUTION = "API_ParameterPollution"
SENSITIVE_URL = "API_SensitiveDataInUrl"
