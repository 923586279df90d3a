"""Which messages may carry an injection outside their URL: one cheap pass over the raw bytes, before anything is decoded.

The shapes are wide on purpose, for what they let through is judged by `attacks.per_call.injection`; they need not be as narrow as a verdict, only rare in honest
traffic. JSON escapes quotes and control characters, so `\\"` and `\\r` stand where a value has a quote or a line break.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classifiers.scan import Hyperscan, Plain

SHAPES = (
    # SQL
    r"(?i)union[^a-z0-9]{1,20}(?:all[^a-z0-9]{1,20})?select",
    r"(?i)['\"`)0-9%] ?\W{0,6}\b(?:or|and|like|rlike|xor|having)\b\W{1,8}[\w'\"(]+\W{0,8}(?:=|<|>|like|is|between|--|#|in\b|rlike|\()",
    r"['`)] ?(?:--|#|/\*)|[0-9] ?(?:--(?:\W|$)|/\*\*?/)|;%00",
    r"(?i)\b(?:sleep|benchmark|waitfor|pg_sleep|extractvalue|updatexml|load_file|xp_\w+|utl_http)\b ?[(' +]",
    r"(?i)['\");0-9] ?; ?(?:drop|insert|update|delete|select|declare|exec|create|alter|shutdown)\b",
    r"(?i)\binformation_schema\b|@@version|\bfrom\W{1,4}(?:dual|users|mysql|pg_)|\binto\W{1,4}(?:out|dump)file",
    r"'\|\||\|\|'|'\+'|'-'|'=|=' ?(?:or|$)",
    r"(?i)%(?:25)?27|\bis (?:not )?null\b|\brlike\b|procedure analyse|\bjson_?keys\b",
    # script
    r"(?i)<\W{0,3}(?:script|img|svg|iframe|body|object|embed|details|input|video|audio|math|base|meta|link|style|marquee|form|a|x|isindex)\b",
    r"(?i)(?:java|vb|live)\W{0,6}script\W{0,4}:|data:text/html",
    r"(?i)\bon(?:error|load|click|focus|mouseover|toggle|start|begin|blur)\s*=",
    r"(?i)\b(?:alert|prompt|confirm|eval|fetch|atob)\s*[(`]|document\.(?:cookie|domain)|constructor\.constructor",
    r"(?i)(?:\\u003c|&lt;|%3c|%253c|\+ADw-)\W{0,3}(?:script|img|svg|iframe|/)",
    # command
    r"(?i)(?:[;|&`\n]|\$\(|%0a|\\n|\\r) ?(?:cat|ls|id|whoami|uname|wget|curl|nc|ping|sleep|sh|bash|cmd|powershell|nslookup|echo|rm|net|dir|type|ifconfig|netstat|python|perl|php|/bin|/usr)\b",
    r"(?i)\(\) ?\{ ?:|/bin/(?:ba|z|k|da)?sh|/dev/tcp/|\$\{?IFS|cmd\.exe|\b(?:system|exec|passthru|popen|shell_exec|phpinfo|child_process|base64_decode) ?[('\"]|__import__",
    r"<!--#(?:exec|include)|<\?php|%26%26|%7c|(?:netstat|ipconfig|ifconfig) [/-]",
    r"\|(?:timeout|id|ls|dir)\b|\bid\||/usr/s?bin/|/usr/local/|\.bash_history|[cd]:\W{1,4}(?:windows|winnt|inetpub|boot)",
    # path
    r"(?i)(?:\.{2,6}|%2e%2e|%252e|%c0%ae|0x2e0x2e|%uff0e)(?:[/\\;]|%2f|%5c|%252f|%255c|%c0%af|%c1%9c|0x2f|0x5c|%u2215|%u2216)",
    r"(?i)/etc/(?:passwd|shadow|hosts|group)|/proc/self|win\.ini|boot\.ini|web-inf/|web\.config|\.git/|\.htaccess|%00|\\u0000",
    # template, lookup, deserialisation
    r"\{\{|\$\{|#\{|<%=|\{%|\*\{|~\{|@\(|\{php\}|#set ?\(|%24%7[bB]|%\{",
    r"(?i)jndi|class\.module\.classloader|__class__|__proto__|__globals__",
    r"gA[JNSW][A-Za-z0-9+/_-]{8}|rO0AB|AAEAAAD/////|\bO:\d{1,4}:\W{0,4}\"|!!python/|[@$]type\W{1,8}[\w.]{3,}\.|_\$\$ND_",
    # NoSQL, LDAP, XPath, XML
    r"(?i)\$(?:ne|gt|gte|lt|lte|where|regex|nin|in|or|and|exists|expr)\b",
    r"\)\(|\*\)|\*\(\)|\(\||\(&",
    r"(?i)'? ?; ?(?:return|while|var)\b|\bdb\.\w{1,30}\.(?:drop|find|insert|remove|update)",
    r"(?i)<!(?:doctype|entity)|xmlns:xi|%u?003c!doctype|count ?\(//|name ?\(\)|\]\|//|(?:child|parent|self|descendant)::",
    # lines and requests
    r"(?i)(?:%0d%0a|%0d|%0a|\\r\\n|\\r|\\n)\W{0,4}[a-z-]{2,30}(?:: ?|%3a)",
    r"(?:\\n|\\r)(?:\[(?:ERROR|WARN|INFO|DEBUG|FATAL)|\d{4}-\d\d-\d\d[ T]\d\d:)",
    r"(?i)169\.254\.169\.254|metadata\.google|(?:gopher|dict|expect|phar|php|jar|file|ldap|rmi)://|://(?:\d{8,10}/|\[::ffff:|0x)",
)


def suspicious(message: bytes) -> bool:
    """Whether it is worth decoding the request's headers and body. Some two microseconds for a kilobyte of them, next to nothing where there are none."""
    start = message.find(b'"requestHeaders"')
    if start < 0:
        start = message.find(b'"requestBody"')
        if start < 0:
            return False
    end = message.rfind(b'"responseBody"')  # in a value the quotes would be escaped
    if end < start or message.find(b'"requestBody"', end) > 0:
        end = len(message)
    return _scan().any(message[start:end])


@cache
def _scan() -> "Hyperscan | Plain":
    from classifiers.scan import engine  # the engine takes its time to load, and a cold start has better to do

    return engine(SHAPES)
