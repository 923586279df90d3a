"""Which messages may carry an injection outside their URL: one cheap pass over the raw bytes, before anything is decoded.

Two sets of shapes. UNUSUAL is what a text needs for any family to find anything in it, in any encoding: everything that `attacks.per_call.injection` knows has
one, and whoever writes plain words and numbers has none. SHAPES are those of attacks themselves: where a batch has more unusual messages than there is time for,
these come first. JSON escapes quotes and control characters, so `\\"` and `\\r` stand where a value has a quote or a line break.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classifiers.scan import Hyperscan, Plain

SHAPES: tuple[str, ...] = (
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


_WORD_BEFORE = r"(?:^|[^A-Za-z0-9_])"
_QUAD = "[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
"""Four characters of base64 that stand for three of ASCII."""

UNUSUAL: tuple[str, ...] = (
    # characters that no word, number, date or address needs
    r"['`<|^(]|>[&/(]|\)[(*|&;]|\*\)",
    r"\\\\",  # a backslash of the text itself; that before a quote is the message's own
    r"\\[nr](?:[A-Za-z0-9</\[|&;]|\\[nr]|\{\\\"(?:level|msg|message|time|severity))",
    r"\\u[0-9a-fA-F]{4}",
    r"\$[A-Za-z_{(@*!$]",
    r"%(?:[0-9a-fA-F]{2}|u[0-9a-fA-F]|%|x[\[({]|\{|[A-Za-z]{1,12}%)",
    r"&[^A-Za-z0-9_.%\[\]&\\-]|&&|&#|&[A-Za-z]{1,10};|&[A-Za-z/]{1,12}(?:[ +;&|/]|\\|\")",
    r";[ +]?(?:[^qcbvofp \\\"]|q[^=]|c[^h]|ch[^a]|b[^o]|v[^=]|o[^d]|f[^i]|p[^r])",
    r"/\*[^;,\" /\\]|\*/[A-Za-z0-9]|/[A-Za-z]{0,8}\?[A-Za-z?]{0,8}(?:/|[ \"\\])",
    r"#[{sSfFi]|[0-9) ]#|!!?[A-Za-z]{2,10}[/.]|![=<0-9(]|~[{/]|[@*~]\{|\{[{%A-Za-z0-9$]|\[\[(?:[^0-9\"\\\[{ ]|[0-9]{1,6} ?[*+])|\[\$",
    r"\.\.|--|@@|::|//[^ \"\\/]{0,80}@|\+AD[w4]",
    # letters that look like others
    r"\xef[\xbc\xbd\xb9]|\xf0\x9d[\x90-\x9f]|\xe2(?:\x80[\x80-\x8f\x98-\x9b\xa4-\xa9\xb2-\xba]|\x81[\x84\xa0]|\x84|\x85|\x91|\x92|\x93|\x88[\x95\x96]|\xa7|\x9d|\x9f)|\xe3\x80[\x82\x88\x89]|\xe5\x98[\x8a\x8d]",
    r"\xc2[\x85\xaa\xad\xb2\xb3\xb4\xb9\xba\xa0]|\xc4\xb1|\xc5\xbf|\xca[\xb0-\xbd]|\xcb[\x88\xa0-\xa4]|[A-Za-z][\xcd-\xd4][\x80-\xbf]|[\xcd-\xd4][\x80-\xbf][A-Za-z]|\xef\xbb\xbf",
    # SQL in plain words
    rf"(?i){_WORD_BEFORE}(?:having|returning|rlike|regexp|waitfor|sleep|procedure|drop|delete|exec|execute|outfile|dumpfile|insert|values|select|union)(?:[^a-z]|$)",
    r"(?i)select|union[^a-z]",
    r"(?i)[^a-z](?:or|and|xor|div|mod|where|by)[ +0-9=~].{0,60}[0-9=]|[0-9=].{0,60}[^a-z](?:or|and|xor|div|mod|where|by)(?:[^a-z]|$)",
    r"(?i)information_schema|sqlite_master|sysobjects|xp_|sp_|getruntime|classloader|freemarker",
    # files and programs
    r"(?i)(?:etc|proc|var|bin|dev|root|secrets|kube|docker|windows|ssh|git|aws|-inf)/|winnt|inetpub|id_rsa|/\.env|@fs/|:/boot|:/auto|\.ini|global\.asa|\.ht|wp-config|web\.config|httpd\.conf|bash_history|my\.cnf|(?:access|error)[._]log",
    r"(?i)wget|curl|ipconfig|powershell|pwsh|certutil|proxycommand|checkpoint|busybox|printenv|invoke-|start-process|mshta|wmic|saps|proto|constructor|class\.|java[.x]|-exec|--o",
    r"(?i)(?:ping|netstat|nslookup|tracert|find|tar|cmd)(?:\.exe)?[ +].{0,80}[-/]|(?:iwr|irm) .{0,40}\.|[+]-[a-z]|dir[ +]{1,3}[a-z]:|into @",
    # addresses
    r"(?i)(?:script|gopher|dict|netdoc|expect|phar|php|file|ldap|tftp|zip|glob|compress[.a-z]{1,8}|data|jar|dir|url|rmi) ?:",
    r"(?i)(?:/|:|\\)(?:/|\\/)(?:[0-9]|\[|localhost|metadata|instance-data|rancher|kubernetes|consul|loopback|ip6-|host\.|gateway\.)|http:[0-9l]",
    r"(?i)localtest\.me|lvh\.me|vcap\.me|lacolhost|yoogle|\.(?:nip|xip|sslip)\.io|traefik\.me|\.svc(?:[./:]|\")|\.(?:internal|local|consul|localdomain|localhost)(?:[^a-z]|$)|docker\.internal"
    r"|burpcollaborator|oastify|oast\.|interact\.?sh|dnslog|ceye\.io|requestrepo|canarytokens|1u\.ms|rbndr|dnsbin|localhost[:/.]|127\.|169\.254|kubernetes",
    # names
    r"(?i)__[a-z]|[@!$](?:type|class)|py/|json_class",
    r"(?i)(?:[^a-z]|\\[nrt])on[a-z]{3,24} ?=",
    r"(?i)[\"=: ](?:com\.(?:sun|opensymphony|mchange|bea|zaxxer|caucho|rometools|mysql|ibatis)|org\.(?:apache|hibernate|springframework|eclipse|h2|codehaus|mozilla|python|jboss|postgresql)|javax?|sun|l?ch\.qos|system|microsoft|groovy|bsh|oracle)\.",
    # base64 of ASCII or of objects
    rf"(?:^|[^A-Za-z0-9+/_-])(?:{_QUAD}){{3}}[A-Za-z0-9+/_=-]{{2}}",
    r"gA[JNSW][A-Za-z0-9+/_-]{6}|rO0AB|AAEAAAD|AQAAAP////|AEAAAD/////|H4sI|0x2e|0x5c|0[xX][2-7][0-9a-fA-F]{11}|[oOcCaA]:[0-9]",
)


def suspicious(message: bytes) -> bool:
    """Whether it is worth decoding the request's headers and body. Some two microseconds for a kilobyte of them, next to nothing where there are none."""
    sent = _sent(message)
    return sent is not None and _unusual().any(sent)


def attack_shaped(message: bytes) -> bool:
    """Whether a suspicious message has the shape of an attack besides: those are looked into first."""
    sent = _sent(message)
    return sent is not None and _shapes().any(sent)


def shape_in(text: str) -> bool:
    """Whether a text has the shape of an attack."""
    return _shapes().any(text.encode(errors="replace"))


def _sent(message: bytes) -> bytes | None:
    """The part of a message that the caller sent outside the URL."""
    start = message.find(b'"requestHeaders"')
    if start < 0:
        start = message.find(b'"requestBody"')
        if start < 0:
            return None
    end = message.rfind(b'"responseBody"')  # in a value the quotes would be escaped
    if end < start or message.find(b'"requestBody"', end) > 0:
        end = len(message)
    return message[start:end]


@cache
def _unusual() -> "Hyperscan | Plain":
    from classifiers.scan import engine  # the engine takes its time to load, and a cold start has better to do

    return engine(UNUSUAL)


@cache
def _shapes() -> "Hyperscan | Plain":
    from classifiers.scan import engine

    return engine(SHAPES)
