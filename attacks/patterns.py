"""Patterns of injections and of security scanners: the data that `percall` judges by.

Texts are judged in the form that `percall.normal_form` gives them: lower case, one space for any white space, entities and escapes resolved, SQL comments gone.
No pattern repeats a repetition and every gap is bounded, so that the time is linear in the text.

Sources: OWASP Core Rule Set 3.3 and 4 (families, scanner products), OWASP cheat sheets and Web Security Testing Guide, PortSwigger's research on script and
template injection, CVE-2014-6271 (shellshock), CVE-2015-8562, CVE-2021-44228 (log4j), CVE-2022-22965 (class loader).
"""

import re
from typing import NamedTuple

from attacks import scanner_names


class Family(NamedTuple):
    """A kind of injection: the search for `pattern` is worth its price only where the text has one of the `words` or holds one of the `marks`."""

    name: str
    words: frozenset[str]
    marks: tuple[str, ...]
    pattern: str


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _family(name: str, *alternatives: str, words: str = "", marks: str = "") -> Family:
    return Family(name, _words(words), tuple(mark.replace("␣", " ") for mark in marks.split(" ")) if marks else (), "|".join(alternatives))


_LITERAL = r"[~!]?(?:-?\d[\d.]{0,20}|0x[0-9a-f]{1,40}|'[^']{0,60}'?|\"[^\"]{0,60}\"?|true|false|null|@@\w{1,30})"
_COMPARE = (
    r"(?:<=>|<>|!=|<=|>=|=|<|>"
    r"|\bnot like\b|\blike\b|\brlike\b|\bregexp\b|\bis(?: not)?\b|\b(?:not )?in\b|\b(?:not )?between\b|\bsounds like\b)"
)
_JUNCTION = r"(?:\b(?:or|and|xor|having|where|div|mod)\b|\|\||&&)"
_SQL_FUNCTION = (
    r"(?:ascii|ord|substr|substring|mid|length|len|left|right|char_length|instr|isnull|ifnull|if|iif|exp|floor|count|exists|sleep|cast"
    r"|convert|version|user|database|chr|char|concat|hex|unicode|nvl|decode|coalesce|greatest|least|row|extractvalue|updatexml|elt"
    r"|make_set)"
)

BREAKOUT = (
    r"['\"`]\s?[)\]}%]{0,6}\s?(?:"
    # a condition
    rf"{_JUNCTION}[\s('\"@!~+]{{0,12}}+-?[\w.$\[\]]{{0,40}}+['\"`)]{{0,4}}+\s?(?:\([^()]{{0,60}}+\)\s?)?(?:{_COMPARE}|--|#|/\*|;|$)"
    rf"|{_JUNCTION} ?(?:not )?[('\"]{{0,4}}\s?(?:select|exists|case|if|sleep|benchmark|ascii|substr|length|count|true|false|not|\d)\b"
    # another clause
    r"|(?:union|intersect|except|minus)(?: all| distinct)?[\s(]{1,4}(?:select|values|table)\b|(?:order|group) by [\w.(,\d ]{1,60}(?:--|#|/\*|;|$)"
    r"|limit [\d(]|procedure analyse"
    # another statement
    r"|;\s?(?:--|#|/\*|(?:drop|delete|insert|update|select|exec|declare|shutdown|create|alter|truncate|if|waitfor|begin|call|copy)\b)"
    # a comment that hides the rest
    r"|--(?:[\s+#%-]|$)|#\s?$|/\*"
    # an operator
    r"|(?:\|\||[+^*/%-])\s?[('\"]{0,4}(?:select|chr|char|cast|convert|utl_|dbms_|sleep|version|user\b|benchmark)"
    r"|(?:\|\||[+^*-])\s?[('\"]{0,2}[01]['\")]{0,2}$|(?:=|<>|!=|<|>)\s?['\"(\d]"
    # arithmetic, a cast, a lock
    r"|(?:\|\||[-+*/^%|&])\s?\d{1,4}\s?(?:(?:\|\||[-+*/^%|&])\s?['\"]|#|--)|[|&^]\s?['\"]\d{1,4}$|(?:\|\||&&)\s?(?:true|false|null)\b|::(?:jsonb?|text|int|varchar|regclass)\b"
    r"|for (?:update|share)\b\s?(?:--|#|;|$)|(?:@>|<@|#>>?|->>?)\s?['\"]"
    r")"
    r"|['\"][)\]}%]{0,6} [)]{0,4}(?:like|rlike|regexp|between|in|is|into|where|as \w+ where|offset) ?[('\"%\d]"
)
"""A quote that ends the developer's string, then SQL. Only a quote that no earlier one in the text has opened counts: `percall` looks at the parity."""

GADGET = (
    r"\"@(?:type|class)\"\s?:\s?\"(?:com\.sun|com\.mchange|com\.zaxxer|org\.(?:apache|hibernate|springframework|eclipse|h2)|javax?\.|sun\.|l?ch\.qos"
    r"|\[)"
    r"|\"\$type\"\s?:\s?\"(?:system\.(?!collections|string|u?int|guid|date|decimal|double|boolean|object|byte|uri|version|timespan|private)"
    r"|microsoft\.(?!odata|azure|graph|web|sql))|\"__(?:class|reduce|type)__\"\s?:|\"py/(?:object|reduce|type|module|function)\"\s?:"
)
"""In JSON: the class that a polymorphic reader (fastjson, Jackson, Json.NET) is told to build."""

NOSQL = _family(
    "nosql",
    r"\$where\b\s?['\"]?\s?(?::|\]|=)|\$(?:function|accumulator)\b['\"]?\s?:"
    r"|\[\s?\$(?:ne|gt|gte|lt|lte|nin|in|regex|exists|or|and|not|eq|elemmatch|where|options|size)\s?\]",
    r"['\"]?\$ne['\"]?\s?:\s?(?:null|-?[01]\b|['\"][^'\"]{0,2}['\"]|\{\s?\}|\[\s?\]|true|false|undefined)",
    r"(?:pass\w{0,8}|pwd|user\w{0,8}|login|e?mail|token|secret|code|pin|otp|\bid)['\"]?\s?:\s?\{\s?['\"]?\$(?:ne|gte?|lte?|nin|in|regex|exists|not|eq)\b",
    r"['\"]?\$(?:gt|gte|lt|regex|nin)['\"]?\s?:\s?(?:['\"]\s?['\"]|['\"]?\.[*+]|['\"]\^|\[\s?\]|\[\s?['\"]{2}|null|\{\s?\}|undefined)",
    r"\$(?:or|and)['\"]?\s?:\s?\[\s?\{\s?\}|^\s?\{\s?['\"]?\$(?:gte?|lte?|ne)['\"]?\s?:\s?-?[01]\s?\}\s?$|^\s?\{\s?['\"]\$(?:n?in|exists|not|eq)['\"]\s?:|(?:\|\||&&)\s?(\d{1,4})\s?===?\s?\1\b",
    r"['\"]\s?(?:\|\||&&)\s?['\"]?\w{0,12}['\"]?\s?={2,3}\s?['\"]?\w{0,12}|['\"];\s?(?:return|while|var|sleep|db\.)\b"
    r"|['\"};]\s?return\s?(?:true|\(|this\.|1\b)|\bdb\.\w{1,40}\.(?:find|insert|drop|remove|update|count|aggregate|save"
    r"|mapreduce)\w{0,10}\s?\("
    r"|\bdb\.(?:dropdatabase|getcollectionnames|version|admincommand|eval)\s?\("
    r"|['\"]\s?(?:&&|\|\|)\s?!?this\.\w|\bthis\.(?:password|passwd|pass|username|user|secret|token|constructor)\b\s?(?:\.|=|!|\[|<|>)",
    words="return db this while var",
    marks="$ ==",
)

_SCRIPT_WORDS = (
    "alert prompt confirm eval settimeout setinterval function execscript atob document fromcharcode innerhtml outerhtml constructor __proto__ onerror"
    " throw fetch import expression binding behavior xmlhttprequest activexobject websocket location navigator localstorage javascript getscript ajax image date"
)
_PROGRAMS = (
    "wget curl lwp fetch tftp nc ncat netcat telnet nslookup dig ping traceroute tracert bash zsh dash ksh csh sh powershell pwsh cmd python perl ruby php"
    " node lua gcc chmod chown useradd adduser crontab nohup mkfifo xterm socat certutil bitsadmin mshta regsvr rundll cscript wscript schtasks netstat"
    " ifconfig ipconfig systeminfo tasklist sleep timeout printenv cat tac more less head tail nl od xxd rev strings type ls dir ps rm del cp mv ln tar"
    " find grep awk sed echo printf touch mkdir kill killall reboot shutdown set env export expr base uname hostname host net ver vol sudo su ssh scp mount"
    " df du arp route reg wmic eval exec source id whoami pwd date w read phpinfo"
)
_CALLS = (
    "system passthru shell_exec popen proc_open pcntl_exec exec assert call_user_func call_user_func_array create_function file_get_contents"
    " file_put_contents fopen readfile include require eval unserialize var_dump print preg_replace die exit echo base _decode base64_decode gzinflate str_rot"
    " sy whoami putenv ini_set phpinfo phpversion php_uname phpcredits getenv __import__ os subprocess child_process process kernel runtime io thread"
)

LENT: tuple[Family, ...] = (
    _family(
        "command",
        # PowerShell by its names and aliases
        r"\b(?:iex|invoke-expression)\b\s?[($'\"`]|\|\s?iex\b|\b(?:iwr|irm|invoke-(?:webrequest|restmethod))\s(?:-\w+ )?['\"]?(?:https?:|\w[\w-]{0,40}\.\w)",
        r"\bdownload(?:string|file|data)\s?\(|\bnew-object\s(?:system\.)?net\.|\[(?:system\.)?(?:diagnostics\.process|reflection\.assembly|net\.webclient)\]?"
        r"|frombase64string\s?\(",
        r"\[scriptblock\]\s?::|\bstart-process\s[\"'\w]|\bsaps\s\w{1,20}\.exe|\b(?:get-content|gc)\s[a-z]:[\\/]|\bset-executionpolicy\s\w|^&\s?\(\s?\[|;\s?&\s?\$?\w{3,}\s?$",
        r"\b(?:powershell|pwsh)(?:\.exe)?\s[-/](?:e|ec|en|enc\w{0,12}|c|command|nop\w{0,6}|w|windowstyle|ep|executionpolicy|noni\w{0,11}|file|f|sta)\b",
        marks="iex invoke- iwr irm download new-object [system [diag [refl [net frombase64 [script start-process saps get-content gc␣ executionpolicy powershell pwsh &( &␣( &$ &␣$ ;&",
    ),
    _family(
        "command",
        # programs lent for what they were not made for
        r"\bcertutil(?:\.exe)?\s.{0,20}-(?:urlcache|decode|f\b)|\bwmic\s(?:/\S{1,30} )?process\scall|\bmshta(?:\.exe)?\s(?:https?:|javascript|vbscript)"
        r"|\bregsvr32\s.{0,20}/i:|\brundll32(?:\.exe)?\s\S{1,40},|\bbitsadmin\s.{0,20}/transfer|\bmsiexec\s.{0,12}/i\s?https?:",
        r"\bfind\s\S{1,60}\s.{0,60}-exec(?:dir)?\s\w|--checkpoint-action=|-o\s?proxycommand\s?=|\btar\s.{0,60}--to-command|\bbusybox\s\w{2,10}\s"
        r"|\bxargs\s(?:-\S{1,10} ){0,3}(?:sh|bash|rm|cat)\b|^--?(?:output)\s?=?\s?/\S{1,60}\shttps?:",
        marks="certutil wmic mshta regsvr32 rundll32 bitsadmin msiexec -exec checkpoint proxycommand to-command busybox xargs --output",
    ),
    _family(
        "command",
        # other languages' ways to a shell
        r"\beval\s?\(\s?(?:compile|__import__|bytes|chr|base64|open|exec|input)|\bexec\s?\(\s?(?:compile|__import__|bytes|chr|base64)"
        r"|__(?:subclasses|globals|builtins|mro|bases?|class|import)__\s?[.(\[]|\bkernel\s?\.\s?open\s?\(|\bopen\s?\(\s?['\"]\s?\|"
        r"|\(\s?\$\w{1,12}\s?=\s?'[^']{0,20}'\s?\.|\bio\s?\.\s?(?:popen|read)\s?\(\s?['\"]\s?\||\bprocessbuilder\b",
        marks="eval( eval␣( exec( exec␣( __ kernel open( ($ popen io. processbuilder",
    ),
)
"""A command that needs nothing before it to end the developer's own."""


LENT += (
    _family(
        "command",
        # what spreadsheets, typesetting, edge servers and programs' own options run
        r"^['\"]?[=+@-].{0,60}\|\s?['\"][^'\"]{0,80}['\"]\s?!\s?\w|^['\"]?[=+@-].{0,40}\b(?:webservice|importxml|importdata|importfeed|importhtml|importrange|dde|rtd|call|register\.id)\s?\(",
        r"\\(?:immediate\s?\\)?write18\b|\\(?:input|include|openin\w{0,3}|lstinputlisting|verbatiminput|usepackage)\s?(?:\[[^\]]{0,40}\])?\{?\s?(?:/|\.\./|\|)|\\catcode|\\csname",
        r"<esi:(?:include|vars|inline|debug|assign|eval|try|choose)\b",
        r"^\s?--?(?:upload-pack|receive-pack|use-compress-program|checkpoint-action|to-command|rsh-command|post-file|ext-diff|open-files-in-pager|exec|config|rmt-command|init-file|eval|require|interpreter)\s?=",
        r"(?:^|[\"'\w])\s?[&|;]{1,2}\s?\w{2,14}\.exe\b|\bsocat\s\S{0,60}(?:exec|system|tcp|udp|openssl)\S{0,4}:|[;|&]\s?chmod\s(?:\+x|[0-7]{3,4})\s",
        r"\bexec\s?\(\s?(?:open|requests|urllib|input|__)|\bprocess\s?\.\s?start\s?\(|[;|&]\s?(?:export|set)\s\w{1,20}=\S{0,40}\s?[;&|]|[&|;]\s?start\s(?:/\w{1,9}\s)?\w{2,20}\.?\w{0,4}\s?$|[;|&]\s?find\s/\s|^['\"]?[=+@-]\s?hyperlink\s?\([^()]{0,200}&\s?\$?[a-z]{1,2}\$?\d",
        marks="|' |\" |␣' webservice import dde( rtd( call( register.id \\write18 \\input \\include \\openin \\lstinput \\verbatiminput \\usepackage \\catcode \\csname <esi: -pack= program= -action= command= -file= -diff= -pager= exec= config= eval= require= interpreter= exec( exec␣( process. export set .exe socat chmod start find hyperlink",
    ),
)


CHAINED = _family(
    "command",
    r"(?:(?:^|[^\w\s)])\s?[;|&`]\s?(?:/(?:usr/)?s?bin/)?(?:id|ls|env|ps|dir|pwd)|[;|&`]\s?(?:/(?:usr/)?s?bin/)?(?:whoami|uname)|[;|&`]\s?/(?:usr/)?s?bin/\w{2,12})(?:\s(?:-\w{1,6}|/))*\s?(?:$|[;|&])",
    r"[;|&`]\s?[a-z][\w.-]{1,20}\s{1,3}(?:/(?:tmp|etc|var|bin|usr|dev|home|root|opt|proc)/|~/)|\b(?:ba|z|da|k)?sh\s-c\b|[;|&`]\s?(?:powershell|pwsh)\b|[;|&]\s?\$(?:shell|0|bash)\b"
    r"|[;|&`]\s?(?:get|set|new|remove|start|stop|invoke|out|copy|move)-[a-z]{3,20}\b|\b(?:gci|gi|ls|dir)\s-(?:recurse|force)\b",
    r"[;|&`(]\s?(?:/(?:usr/)?s?bin/)?(?:cat|tac|head|tail|more|less|nl|od|xxd|strings|grep|awk|sed|cp|mv|rm|ls|chmod|echo|rev|base64|net|sleep|call)\s{1,3}(?:-\S{1,20}\s)?(?:[~./*$-]\S|\d+\s?(?:$|[`);&|])|user\b|whoami)",
    words=_PROGRAMS + " get set new remove start stop invoke out copy move gci gi tee shell tmp",
    marks=";$ |$ &$",
)

DISGUISED = _words(
    "cat tac wget curl bash whoami uname ifconfig ipconfig netstat powershell pwsh cmd python perl passwd shadow sleep ping nslookup ncat netcat chmod system exec eval passthru popen nohup base64 mkfifo systeminfo tasklist"
)
"""Words that nobody takes apart without a reason."""

PROGRAMS = DISGUISED | _words(_PROGRAMS) | _words("etc hosts call user")

CLASS_NAME = (
    r"^(?:java\.(?:lang|io|net|nio|rmi|beans|util\.(?:zip|jar|concurrent))|com\.(?:sun|opensymphony|mchange|bea)|javax\.(?:naming|script|management|swing|xml)|org\.apache\.(?:commons|xalan|struts|logging))\."
    r"(?![\w.]*(?:exception|error|string|integer|long|boolean|double|number|list|map|set|entity|throwable)$)\w[\w.$]{1,80}$"
)
"""A class that a program is told by name."""

FAMILIES: tuple[Family, ...] = (
    _family(
        "xpath",
        r"['\"\])\d]\s?(?:or|and|\|)\s.{0,80}?(?:(?:name|position|text|string-length|contains|starts-with|local-name|last)\s?\("
        r"|count\s?\(\s?/|substring\s?\(\s?(?:/|name))"
        r"|/(?:child|descendant|parent|ancestor|following|preceding|self|attribute)(?:-or-self)?::|::node\s?\(|['\"\])]\s?\|\s?/{1,2}|^count\s?\(\s?/|^[^'\"\[]{0,40}['\"]\s?\]\s?(?:/|\|)"
        r"|\bdoc\s?\(\s?(?:concat|['\"]https?:)",
        marks=":: name( text() position( count( '] \"] string-length( contains( starts-with( doc( substring( last( |/ |",
    ),
    _family(
        "xxe",
        r"<!entity\b|<!doctype\s[^>\[]{0,200}(?:\[|\bsystem\s?['\"]|\bpublic\s?['\"](?!-//w3c//dtd))|<!\[include|<!element\b|<!attlist\b"
        r"|\bxi:include\b|/2001/xinclude",
        marks="<! xi:include xinclude",
    ),
    _family(
        "xxe",
        r"\bsystem-property\s?\(|\bunparsed-text\s?\(|<(?:msxsl|xsl):(?:script|include|import|document|result-document)\b|xmlns:(?:php|java|msxsl|exsl)\s?=",
        marks="system-property unparsed-text xsl: xmlns:",
    ),
    _family("xxe", r"<!doctype(?! html)|\bor 1=1\b|\bfile:/", marks="<?xml"),
    _family(
        "sql",
        r"(?:(?<![a-z_])|(?<=\de))union(?: all| distinct| distinctrow)?[\s(]{0,9}(?:select\b|values|table\b)\s?(?:top \d+ )?(?:distinct )?"
        r"(?:[\d'\"@(*$~+-]|\(?null\b|row\b|\w{1,40}\s?(?:,|\(|--|#)|[^;()]{1,60}?\bfrom [\w.`\"\[(])",
        r"[(=,;]\s?select[\s(].{0,100}?(?:[*,('@]|\bfrom\b[\s\"`\[(]{0,4}[\w.$]+(?:\s(?:where|limit|order|group)\b|\s?\)\s?[)=<>-]))",
        r"[(=,;]\s?select\s?(?:\d|'|\"|@@|\*)",
        r"^\s?select(?:\s?[*@'\"]|\s?\([^()]{1,80}\)\s?(?:,|from\b)| \d| [\w.`\"]+\s?(?:,|\().{0,100}?\bfrom\b"
        r"| [\w.`\"]+ from [\w.`\"]+ ?(?:where\b|limit\b|order by\b|;|--))",
        r"\bselect\b.{1,100}?\bfrom\s?(?:information_schema|pg_|sys\.|sysobjects|syscolumns|mysql\.|all_tab|dual\b|sqlite_|msysobjects"
        r"|rdb\$|sysibm)",
        r"\bselect\b[^;]{1,100}?\bfrom\s[\w.`\"\[\]]{1,60}(?: as \w{1,20})?\s(?:where|having)\b[^;]{1,40}?(?:[=<>]|\bin \(|\blike ')",
        r"\bselect\b[^;]{1,100}?\bfrom\s[\w.`\"\[\]]{1,60}(?: as \w{1,20})?\slimit \d",
        r"['\"]\)?\s?\(\s?select\b",
        words="union eunion select",
    ),
    _family(
        "sql",
        r"\b(?:sleep|pg_sleep|benchmark|get_lock|randomblob|generate_series|dbms_pipe\.receive_message|dbms_lock\.sleep|waitfor)"
        r"\s?\(\s?['\"(]?\s?(?:\d+\s?[),*'/]|md5|sha|rand|chr|char|'|\[)",
        r"\b(?:extractvalue|updatexml|load_file|load_extension|xmltype|utl_http\.request|utl_inaddr\.get_host\w{1,10}|dbms_xmlgen\.\w{1,20}"
        r"|ctxsys\.drithsx\.sn|httpuritype|group_concat|st_latfromgeohash|gtid_subset|regexp_substring|char_to_rdb|pg_read_file|lo_import"
        r"|xp_cmdshell|xp_dirtree|xp_regread|xp_fileexist|query_to_xml|database_to_xml)\s?\(",
        rf"(?:\b(?:and|or|xor|where|having)\b|^\s?-?\d{{1,12}}\b\s?,)\s?\(?(?:not )?{_SQL_FUNCTION}\s?\((?:[^()]{{0,80}}[(,=<>@'\"]"
        rf"|\d+\s?\))",
        r"\b(?:if|iif|elt|make_set)\s?\(\s?\(?\s?(?:\d{1,6}\s?(?:[=<>]{1,2}|like|is)\s?\d|ascii|ord\b|substr|length|select)",
        r"\b(?:char|chr)\s?\(\s?\d{1,3}\s?\)\s?(?:\|\||\+|,)|\b(?:char|concat|concat_ws)\s?\(\s?(?:\d{2,3}|0x[0-9a-f]{1,80})\s?,",
        r"\b(?:convert|cast)\s?\(\s?(?:\(?\s?select\b|int\s?,|(?:current_|session_|system_)?(?:user|version|database|db_name)\b|@@"
        r"|[^()]{1,60}\bas (?:int|signed|unsigned|numeric|nvarchar|varchar|char|text)\b)",
        r"\bprocedure analyse\s?\(|\bexec(?:ute)?(?: immediate)?\s?\(\s?(?:@|n?['\"]\s?(?:select|exec|xp_|sp_|master|drop|insert|update|delete|declare|create|alter|waitfor|shutdown))|\bexecute immediate\s?\(?\s?['\"]|\bopen(?:rowset|query|datasource)\s?\(",
        r"\b(?:current_user|database|version|user|session_user|db_name|system_user|schema)\s?\(\s?\)\s?(?:,|--|#|=|<|>|from\b|like\b)",
        words=_SQL_FUNCTION[3:-1].replace("|", " ")
        + " pg_sleep benchmark get_lock randomblob generate_series dbms_pipe dbms_lock waitfor load_file load_extension xmltype utl_http utl_inaddr dbms_xmlgen"
        " ctxsys httpuritype group_concat st_latfromgeohash gtid_subset regexp_substring char_to_rdb pg_read_file lo_import xp_cmdshell xp_dirtree xp_regread"
        " xp_fileexist query_to_xml database_to_xml concat_ws procedure exec execute openrowset openquery opendatasource current_user session_user db_name"
        " system_user schema",
    ),
    _family(
        "sql",
        r"@@(?:version|hostname|datadir|basedir|global|servername|innodb|tmpdir|session|language)",
        r"^\s?\(\d{1,9}\s?(?:[=<>]| like )\s?\d{1,9}\)\s?\*|\b(?:and|or|xor|where|having|=)\s?\(?\w{0,20}\s?@@\w{2,30}|@@(?:rowcount|identity|error|spid|trancount)\b",
        r"^\s?-?\d{1,12}\)*\s?;?\s?--(?:\s?-\s?$|\s?[-+]\s?$|\s[-+])|^\s?-?\d{1,12}[);]{1,6}\s?--$|^\s?-?\d{1,12}['\")]{1,6}\s?(?:--|#"
        r"|/\*)",
        marks="@@ )* -- #",
    ),
    _family(
        "sql",
        # nothing but arithmetic with a comparison in it, or with a query
        r"^\s?['\"]?-?\d[\d\s+*/%^|&().e-]{0,40}\((?:[\d\s+*/%^|&(!~.e-]{0,40}\d\s?(?:=|<|>|<>|!=)\s?\d|select\b|case\b|if\s?\()",
        r"^\s?-?\d{1,12}['\")]{0,6}\s?(?:[-+*/%^|&]|div\b|mod\b)\s?\(?\s?(?:select|case|if|sleep|benchmark|version|user|database)\b",
        marks="( div mod",
    ),
    _family(
        "sql",
        # documents inside tables
        r"\b(?:and|or|xor|where|having)\b[^;]{0,60}?(?:@>|<@|#>>?|->>?|\?[|&])\s?(?:'|\")|::jsonb?\b\s?(?:@>|<@|->|#>|\?|=|--)|'\s?::\s?(?:jsonb?|int|text)\b"
        r"|\bjson_(?:extract|length|keys|depth|value|query|contains|exists|type|array|object)\s?\(\s?['\"(\[]"
        r"|\b(?:and|or|where|having)\b.{0,40}?\bjsonb?_\w{3,30}\s?\(",
        marks="@> <@ #> -> ?| ?& :: json",
    ),
    _family(
        "sql",
        r"\b(?:or|and|xor)\s?'[^']{0,60}'\s?(?:\?[|&]?|@>|<@|&&|\|\||=|<|>)\s?'|\b(?:and|or)\s\d{1,9}\s?=\s?\(|^\s?-?\d{1,12} is (?:not )?\d|\bunion(?: all)? select\s?$|['\"]\s?;\s?@@",
        words="or and xor is union select",
        marks="@@",
    ),
    _family(
        "sql",
        r"^\s?-?\d{1,12}['\")]{0,6}\s(?:into @\w|returning\s\w|union (?:all )?(?:table \w|values\s?\(|\())|^\s?or\s?\d|\bcopy\s?\(.{0,60}?\bto program\b",
        words="into union or program returning",
    ),
    _family(
        "sql",
        rf"(?:^|[\s)'\"\d%;+])(?:or|and|xor|having|where|\|\||&&)[\s(+!~-]{{0,9}}(?:not |binary )?\(?{_LITERAL}(?:\s?[-+*/%]\s?\d{{1,9}}){{0,4}}\)?\s?"
        rf"(?:{_COMPARE})\s?\(?(?:binary )?{_LITERAL}",
        r"(?:^|[\s)'\"\d])(?:or|and|xor|\|\||&&)\s?\(?([a-z]\w{0,12})\s?=\s?\1\b\)?\s?(?:--|#|/\*|;|$)",
        r"^\s?-?\d{1,12}['\")]{0,6}\s(?:or|and|xor)\s(?:not )?(?:true|false|null|not|1|0)\b\s?(?:--|#|;|/\*|$|is\b)",
        r"^\s?-?\d{1,12}['\")]{0,6}\s(?:or|and|xor|rlike|regexp)\s(?:[a-z_.]{1,40}\s?(?:=|<|>|is (?:not )?null|like)|exists\b)",
        r"^\s?-?[\w.]{0,20}['\")]{0,6}\s(?:or|and|xor)\s[a-z_]{2,20}\s?\([^()]{0,60}\)\s?(?:=|<|>|<=|>=|<>|!=)\s?['\"\d(]|\bwith rollup\b|\bhaving\s(?:null|not|true|false)\b|\bin\s?\(\s?select\b",
        r"^\s?-?\d{1,12} (?:div|mod) -?\d{1,9}\b|^\s?or\s?\(?\d{1,9}\s?[=<>]|^\s?-?\d[\d.]{0,9}e\d{0,3}(?:\(\d{1,4}\))?\s?(?:or|and|union)\b\s?[\d('\"~!s]",
        r"\(\s?case\s?when\b.{1,100}?\bthen\b|\bcase\s?when\b.{1,100}?\bthen\b.{1,80}?\belse\b.{1,80}?\bend\b",
        words="or and xor having where rlike regexp case rollup in div mod",
        marks="|| &&",
    ),
    _family(
        "sql",
        r"[;']\s?\)?\s?(?:drop|truncate|create|alter)\s(?:table|database|user|schema|view|procedure|function|login|index|alias|trigger"
        r"|or replace)\b",
        r"[;']\s?(?:delete from|insert into|replace into|update \w[\w.]{0,40} set|exec(?:ute)?[\s(]{1,3}(?:immediate|master|xp_|sp_|@|'"
        r"|sys)"
        r"|declare @|declare \w{1,40} (?:char|varchar|int)|select[\s('\"@*][\d('\"@*]|select \w{1,40}\s?[(,]|select [\w,. ]{1,80} from\b"
        r"|shutdown\b(?:\s?(?:--|;|$|with))|waitfor\b|grant \w{1,20} (?:on|to)|copy \w{1,40}\s?\(|call \w{1,40}[.(]|begin (?:dbms|if|exec)"
        r"|if\s?\("
        r"|set @|pragma |attach database|load data|handler \w{1,40} (?:open|read)|do sleep)",
        r"\bwaitfor (?:delay|time)\s?['\"(@]",
        words="drop truncate create alter delete insert replace update exec execute declare select shutdown waitfor grant copy call begin if set pragma attach"
        " load handler do",
    ),
    _family(
        "sql",
        r"(?:^|['\")\d])\s?\)*\s?(?:order|group) by \(?\d{1,4}(?:\s?,\s?\d{1,4}){0,40}\)?\s?(?:--|#|/\*|;|$|asc\b|desc\b|limit\b)",
        r"\bhaving \d{1,9}\s?[=<>]|\bgroup by [\w.,]{1,80} having\b",
        r"\b(?:exec|execute|master)[\s.]{1,3}(?:master\.\.|master\.dbo\.|dbo\.)?(?:xp_|sp_)\w"
        r"|\bxp_(?:cmdshell|regread|regwrite|dirtree|fileexist|availablemedia|enumdsn|loginconfig)\b",
        r"\binformation_schema\s?\.\s?\w|\bfrom sysobjects\b|\bfrom sqlite_master\b",
        r"\binto (?:out|dump)file\s?['\"0]|\blimit \d{1,9}(?:\s?,\s?\d{1,9})? (?:into|procedure|union)\b",
        r"\bdrop table \w{1,60}\s?(?:;|--|$)|\bdelete from \w{1,60} where\b",
        r"\bwaitfor delay\b|^\s?(?:and|or|if)?\s?sleep\s?\(\s?\d+\s?[),]|^\s?-?\d{1,12} (?:and|or|xor) sleep\b",
        r"--\s?sp_password",
        words="by having exec execute master information_schema sysobjects sqlite_master outfile dumpfile procedure union drop delete waitfor sleep sp_password"
        " xp_cmdshell xp_regread xp_regwrite xp_dirtree xp_fileexist xp_availablemedia xp_enumdsn xp_loginconfig",
    ),
    _family(
        "script",
        r"<\s?/?\s?(?:script|iframe|frameset|object|embed|applet|xss|bgsound|isindex|importmap)\b",
        r"<base\s[^<>]{0,40}href|<layer\b[^<>]{0,40}src|<frame\b[^<>]{0,40}src",
        r"<[!?a-z][^<>]{0,800}?[\s/\"'`]on[a-z]{3,40}\s?=",
        r"<[a-z][^<>]{0,800}?(?:javascript|vbscript|livescript|data\s?:\s?(?:text/html|image/svg|application/x|text/javascript))",
        r"<(?:svg|math)\b[^<>]{0,200}(?:onload|onbegin|/$|$)|<(?:set|animate|animatetransform|animatemotion)\b[^<>]{0,200}(?:attributename\s?=\s?['\"]?\s?(?:on|href|xlink)|onload|onbegin|/$|$)"
        r"|<(?:svg|math)\b[^<>]{0,40}>\s?<(?:style|script|foreignobject|mtext|mglyph|desc|title|set|animate|a|image|handler|iframe)\b[^<>]{0,200}(?:>\s?[^<>]{0,40}(?:alert|<img|<style|on\w{3,12}=)|javascript|on\w{3,20}\s?=)"
        r"|<use\b[^<>]{0,200}href\s?=\s?['\"]?\s?(?:data:|//|https?:)",
        r"<meta\b[^<>]{0,200}?http-equiv|<link\b[^<>]{0,200}?(?:stylesheet|import|prefetch|preload)",
        r"<!--.{0,20}?(?:-->)?\s?<(?:img|script|svg)|<\?import\b|<html\s+xmlns|<\?xml-stylesheet",
        r"<(?:img|image|input|video|audio|source)\b[^<>]{0,200}?\s(?:src|srcset|poster|dynsrc|lowsrc)\s?=\s?['\"]?\s?(?:x\b|#|1\b|//|\\\\|&"
        r"|data:|`)",
        r"<(?:form|input|button|textarea|select|keygen)\b[^<>]{0,200}?(?:action|formaction|autofocus|srcdoc)\s?=",
        r"<(?:template|details|dialog|marquee|slot)\b[^<>]{0,200}?(?:shadow|popover|behavior)",
        r"<img\b[^<>]{0,40}src\s?=\s?'[^'<>]{0,200}\?$|<\w[^<>]{0,200}\bstyle\s?=[^<>]{0,200}(?:expression|url\s?\(\s?['\"]?\s?(?:javascript|vbscript|https?:|//|data:(?!image/(?!svg)))|behavior"
        r"|position\s?:\s?fixed)",
        marks="<",
    ),
    _family("script", r"@import|expression|javascript|behavior|-moz-binding|@keyframes|<style\b[^<>]{0,100}\son", marks="<style"),
    _family("script", r"script|alert|onerror|\]\]><", marks="<![cdata["),
    _family(
        "script",
        r"(?:^|[=(,'\"\s])data:(?:text/html|text/javascript|application/(?:x-)?(?:java|ecma)script|application/xhtml)",
        marks="data:text/ data:application/",
    ),
    _family(
        "script",
        r"(?:^|[\s\"'`/;&$])on(?:abort|after\w{2,10}|animation\w{3,10}|auxclick|before\w{3,20}|begin|blur|bounce|cancel|canplay\w{0,10}"
        r"|change"
        r"|click|close|content\w{5,30}|contextmenu|copy|cut|dblclick|drag\w{0,6}|drop|durationchange|end|ended|error|finish|focus\w{0,3}"
        r"|formdata"
        r"|fullscreen\w{2,8}|gotpointercapture|hashchange|input|invalid|key\w{2,6}|load\w{0,10}|message|mouse\w{2,6}|offline|online"
        r"|page\w{3,6}|paste"
        r"|pause|play\w{0,4}|pointer\w{2,12}|popstate|progress|ratechange|readystatechange|repeat|reset|resize|scroll\w{0,3}|search"
        r"|seek\w{2,4}"
        r"|select\w{0,10}|show|stalled|start|storage|submit|suspend|timeupdate|toggle|touch\w{3,6}|transition\w{3,8}|unhandledrejection"
        r"|unload"
        r"|volumechange|waiting|webkit\w{5,30}|wheel)\s?=\s?['\"`]?\s?[a-z_$.]{0,40}\s?(?:[(\[=\\&/%'\"`{]|alert|import|eval|location"
        r"|document|window)",
        marks="on",
    ),
    _family(
        "script",
        r"\b(?:alert|prompt|confirm)\s?(?:\?\.)?\)?(?:\(\s?(?:[\d'\"`/]|document|window|self|this\b|string\.|location|origin|xss|&|\+)"
        r"|`[^`\s]|&lpar;|\.(?:call|apply|bind)\b|\(\)\s?(?:$|[;/'\"}<-]))",
        r"\b(?:eval|settimeout|setinterval|function|execscript|atob)\s?"
        r"(?:\(\s?(?:['\"`]|string\.|atob|name\b|location|unescape|decodeuri|document|window\.|\d|this\.|\+|alert|confirm|prompt)|`[^`\s])",
        r"\bnavigator\s?\.\s?sendbeacon\s?\(|\blocalstorage\s?[.\[]|\bdocument\s?\[\s?['\"`]\w{0,8}['\"`]\s?\+|\bdocument\s?(?:\.|\[)\s?['\"]?(?:cookie|domain|location|write\w{0,2}\(|body\b|forms|onkeypress|createelement|documentelement"
        r"|referrer)",
        r"\bstring\s?\.\s?fromcharcode\b|\.\s?(?:inner|outer)html\s?=|\blocation\s?(?:\.\s?(?:href|hash|assign"
        r"|replace)\s?)?[=(]\s?['\"`/n(]",
        r"\bconstructor\s?(?:\.\s?(?:constructor|prototype)|\[\s?['\"]|\(\s?['\"`])|\b__proto__\b\s?[\[.\"':=]|(?:^|\W)onerror\s?="
        r"|\bthrow\s?(?:['\"`/{+]|new error\()|\bimport\s?\(\s?['\"`/]|\bfetch\s?\(\s?['\"`/]|\.\s?then\s?\(\s?(?:alert|eval)",
        r"(?:^|[;{}\]/\"'`*\s(])(?:\d|alert|\[\d?\])\s?(?:,\s?alert\)|\.(?:find|map|foreach|some|every|filter|reduce|findindex)"
        r"\s?\(\s?(?:alert|confirm|prompt|eval))",
        r"\bexpression\s?\(.{0,40}?(?:alert|eval|document|window|javascript|\()|\burl\s?\(\s?['\"]?\s?javascript|-moz-binding\s?:"
        r"|\bbehavior\s?:\s?url",
        r"\bnew\s(?:image|xmlhttprequest|function|activexobject|websocket)\s?[.(;]|\$\.(?:get|getscript|ajax)\s?\(\s?['\"]"
        r"|['\"];?\s?\w{1,20}\s?=\s?new date\(\)",
        words=_SCRIPT_WORDS,
    ),
    _family(
        "script",
        r"\b(?:window|self|top|parent|frames|this|globalthis)\s?(?:\?\.)?\[\s?['\"`/(]|\(!!?\[\]\+\[\]\)\[|\[\]\[\(!!?\[",
        r"\.\s?source\s?\+|\$\.get\s?\(\s?['\"]",
        marks="[' [\" [/ [` [( .source $.get ![]+",
    ),
    _family(
        "template",
        r"\{\{-?\s?(?:\d+\s?(?:[*+/-]\s?'?\d|\|)|['\"][^'\"{}]{0,40}['\"]\s?(?:[.\[*+]|\|\s?(?:attr|map|filter|reduce|sort|format|system))|['\"]{2}|[(\[=]|config\b(?:\.|\[|\s?\}|\|)|self\b|request\s?[.|\[]|settings\.|lipsum|cycler|joiner"
        r"|namespace|dump"
        r"\(|app\.|_self|constructor|\$\w{1,20}\.constructor|_c\.|range\(|x\s?=|url_for|get_flashed|php\b|include\s?\(|#with"
        r"|\w{1,20}\.(?:constructor|__|mro))",
        r"__\w{2,20}__|\|\s?attr\b|getruntime|freemarker|\.exec\b|\bpopen\b|\bos\.(?:popen|system|environ)|\.constructor\b|\.mro\b"
        r"|alert\s?\("
        r"|\bsystem\b\W|require\s?\(|file_get|phpinfo|\{\{<%\[%",
        marks="{{",
    ),
    _family(
        "template",
        r"[$#*%@~]\{{1,3}\s?(?:\d+\s?[*+/-]\s?'?\d|t\s?\(|['\"\[(]|class\b|getclass|self\b\.|request\.|session\.|application\.|param\."
        r"|new\s|script:"
        r"|facescontext|pagecontext|alert\s?\(|settimeout|throw\b|\w{1,20}\.(?:getclass|getruntime|constructor)|(?:var|int|string|for)\s|\s?%x)",
        r"getruntime|java\.lang|processbuilder|\.exec\s?\(|classloader|freemarker|@java|#context|#_memberaccess|ognl|multipart/form-data"
        r"|scriptengine",
        marks="${ #{ *{ %{ @{ ~{",
    ),
    _family(
        "template",
        r"\{%-?\s?(?:set|import|include|extends|debug|load|print|csrf)\b[^%]{0,200}%\}|\{%-?\s?(?:for|if|with|block|macro|call|raw)\b[^%]{0,200}(?:__|\b(?:config|self|popen|request)\b|\d\s?\*\s?\d|\bid\b\s?%)[^%]{0,200}%\}|\{php\}|\{literal\}"
        r"|\{\$smarty"
        r"|\{if\s|\{system\(|\{self::|\{\s?7\s?\*\s?7\s?\}",
        marks="{% {php} {literal} {$smarty {if {system( {self:: {7*7 {7␣*␣7",
    ),
    _family(
        "template",
        r"<%[-=@#!]?\s?(?:global\b|\d+\s?[*+/-]\s?\d|system|exec|`|file\.|dir\.|runtime|response|request|eval|out\.|require|import|process)"
        r"|<#assign\b"
        r"|#set\s?\(\s?\$|#foreach\s?\(\s?\$|\$class\.inspect|#include\s?\(|\$!\{\s?\d",
        r"\[\[\s?(?:\d+\s?\*\s?\d|\$\{\s?(?:\d|t\(|new\b|#|'|\")|constructor|\$\w{1,20}\.constructor|'\w'\.)|@\(\s?\d+\s?[*+]\s?\d+\s?\)",
        marks="<% <#assign #set #foreach #include $class [[ @( $!{",
    ),
    _family(
        "template",
        r"\bfreemarker\.template\.utility|\bclass\.module\.classloader|\bjava\.lang\.(?:runtime|processbuilder)\b|(?<!at )(?<![\w.])java\.lang\.(?:class|system|thread)\b(?!\.\w{1,40}\(\w{1,40}\.java)"
        r"|\bgetruntime\s?\(|#_memberaccess|\(#\w{1,30}=|@ognl\.",
        words="freemarker classloader getruntime _memberaccess ognl lang",
        marks="(#",
    ),
    _family(
        "command",
        # a separator, then a program with something to work on
        r"(?:[;|&\n]|\$\(|\$\{ifs\}|%0a|<\()\s?(?:\w{1,12}=\S{0,40} )?(?:/[\w./?*]{0,40}/)?"
        r"(?:wget|curl|lwp-download|fetch|tftp|nc|ncat|netcat|telnet|nslookup|dig|ping6?|traceroute|tracert|bash|zsh|dash|ksh|csh|sh"
        r"|powershell"
        r"|pwsh|cmd(?:\.exe)?|python[23]?|perl|ruby|php|node|lua|gcc|chmod|chown|useradd|adduser|crontab|nohup|mkfifo|xterm|socat|certutil"
        r"|bitsadmin"
        r"|mshta|regsvr32|rundll32|cscript|wscript|schtasks|netstat|ifconfig|ipconfig|systeminfo|tasklist|sleep|timeout|printenv|cat|tac"
        r"|more|less|head"
        r"|tail|nl|od|xxd|rev|strings|type|ls|dir|ps|rm|del|cp|mv|ln|tar|find|grep|awk|sed|echo|printf|touch|mkdir|kill|killall|reboot"
        r"|shutdown|set|env"
        r"|export|expr|base64|uname|hostname|host|net|ver|vol|sudo|su|ssh|scp|mount|df|du|arp|route|reg|wmic|eval|exec|source)(?:\.exe)?"
        r"(?:\s|\$\{?ifs\}?|<|%20)\s?(?:[-/\\~.$\"'`<>{*+@]\S|\d{1,3}(?:\.\d{1,3}){3}|\d+\s?(?:$|[;|&#)`'\"]|(?:ping|sleep|bash|sh|nc|curl"
        r"|wget)\b)|https?:|ftp:|\w{1,60}\s?[>|]"
        r"|[\w.-]{1,100}\.(?:com|net|org|io|php|txt|sh|py|exe|ini|conf|example)\b|(?:etc|phpinfo|localgroup|localhost|user|pwned|hacked"
        r"|vuln\w{0,7})\b)",
        # a separator, then a program that needs nothing
        r"(?:&&|\|\||\$\()\s?(?:id|ls|ps|env)\s?(?:\)|;|\||&|#|\\n|'|\"|//|$)",
        r"(?:&&|\|\||;|\$\()\s?(?:whoami|uname|ifconfig|ipconfig|netstat|systeminfo|tasklist|printenv|reboot)\s?(?:\)|;|\||&|#|\\n|'|\""
        r"|//)",
        r"(?:^[;|&`]|&&|\|\||\$\()\s?(?:whoami|ifconfig|ipconfig|systeminfo|tasklist|printenv)\s?$",
        r"[|;&`\n]\s?(?:whoami|ifconfig|ipconfig|netstat|systeminfo|tasklist|printenv)\b|[|;&`\n]\s?(?:ls|ps|dir|netstat|uname|net"
        r"|id) [-/]\w",
        r"^\s?(?:[|;&`\n]|\\n|&&|\|\||\$\(){1,2}\s?(?:id|whoami|ls|dir|pwd|ps|uname|cat|ver|net|ping|sleep|type|set|env|date|echo|read|w"
        r"|netstat|true|false)\b",
        r"^\w{0,2}\)?\s?[|;&]{1,2}\s?(?:id|env|ls|dir|pwd|uname|set|ver)\s?$|\)\s?[|;&]{1,2}\s?id\b|^\s?(?:id|ls|dir|whoami|ver)\s?["
        r"|;&`]{1,2}\s?$",
        r"\bdir[\s+]{1,3}[a-z]:(?:\s|$|\W)|\bping6?(?:\.exe)?[\s+]-[nci][\s+]?\d|\b(?:netstat|ipconfig|nslookup"
        r"|tracert)(?:\.exe)?\s[-/][a-z]{1,5}\b",
        r"\bping6?(?:\.exe)?\s(?:\d{1,3}\.){3}\d|\bnc\s-[a-z]{1,6}\s|^\s?(?:wget|curl)\s(?:-\S{1,20}\s){0,4}https?://|\|\s?(?:ba|z"
        r"|da)?sh\s?$",
        r"\\n\s?(?:/(?:usr/)?s?bin/\w|(?:id|ls|whoami|cat)\s?(?:\\n|[;|]|$))",
        r"^[\d.]{1,40}\s?[|;&]{1,2}\s?(?:id|env|ls|dir|pwd|uname|set|ver)\s?$"
        r"|^[\w./-]{1,40}\s?[|;&]{1,2}\s?(?:id|env|ls|dir|pwd|uname|set|ver)\s?[;|&#]$",
        words=_PROGRAMS,
    ),
    _family(
        "command",
        r"(?:^|[^\s])`\s?(?:id|dir|ls|whoami|cat|uname|ping|wget|curl|sleep|nslookup|pwd|ps|touch|echo|env|ifconfig|python|perl|php|bash|sh"
        r"|nc)\b"
        r"[^`]{0,200}`(?:$|[^\s\w])",
        r"\w`(?:id|dir|ls|whoami|cat|uname|pwd|ps|env|hostname)\b[^`]{0,60}`\w|['\"]`\s?\w{1,20}\s?`['\"]|^`(?:true|false)`$|\$\(\s?(?:/|<|\w{2,20}[\s)])|\$\{?ifs\b",
        marks="` $( $ifs ${ifs",
    ),
    _family(
        "command",
        r"(?:^|[^\w\s])\s?/(?:usr/)?(?:local/)?s?bin/(?:ba|z|da|k|c)?sh\b|[;|&$(>`\n]\s?/(?:usr/)?s?bin/\w{1,20}\b"
        r"|^/(?:usr/)?s?bin/\w{2,20}(?:\s-|$)",
        r"/dev/(?:tcp|udp)/\w|2>&1|>&\s?\d|>\s?/(?:tmp|var|etc|dev)/|%comspec%",
        r"\(\s?\)\s?\{\s?(?::|_|[\w\s]{0,10})\s?;\s?\}\s?;|^\s?\(\s?\)\s?\{|\(\s?\)\s?\{\s?:;",
        marks="bin/ /dev/ >& >/ >␣/ %comspec () (␣)",
    ),
    _family(
        "command",
        r"\bcmd(?:\.exe)?[\s+,;=]{0,3}/[ck]\b|\bpowershell(?:\.exe)?\s-\w",
        r"\b(?:cat|tac|more|less|head|tail|nl|type|cut|sort|vi|nano|cp|od|xxd|strings|rev|base64|file)\s[\w ./?*-]{0,40}/etc/(?:passwd"
        r"|shadow|hosts)",
        words="cmd powershell passwd shadow hosts",
    ),
    _family(
        "command",
        r"\b(?:system|passthru|shell_exec|popen|proc_open|pcntl_exec|exec|assert|call_user_func(?:_array)?|create_function"
        r"|file_get_contents"
        r"|file_put_contents|fopen|readfile|include|require|eval|unserialize|var_dump|preg_replace|die|base64_decode|str_rot13|gzinflate"
        r"|putenv"
        r"|ini_set)\(\s?(?:['\"$\\]|base64_decode|chr\(|getenv|str_rot13|md5\(|phpinfo)",
        r"\b(?:print|die|exit|echo|var_dump|assert|eval)\s?\(\s?(?:md5|\d+\s?[*+-]\s?\d)",
        r"\(\s?\[?\s?['\"]?\s?(?:system|exec|passthru|shell_exec|popen|assert|eval)\s?['\"]?\s?\]?\s?\)\s?(?:\[\d\]\s?)?\(|['\"](?:system|exec|passthru|shell_exec|assert)['\"]\s?\("
        r"|\)\s?\(\s?['\"@]?(?:id|ls|whoami|uname|cat)\b|\brequire\s?\.\s?main\b|\.\s?constructor\s?\.\s?_load\b",
        r"\bphp(?:info|version|_uname|credits)\(|\bgetenv\s?\(\s?['\"]|\b__import__\s?\(|\bos\s?\.\s?(?:system|popen|exec\w{0,3}"
        r"|spawn\w{0,3})\s?\("
        r"|\bsubprocess\s?\.\s?\w{2,20}\s?\(|\brequire\s?\(\s?['\"]\s?(?:child_process|fs|os|http|net)\b|\bchild_process['\"]"
        r"|\bprocess\s?\.\s?(?:mainmodule|binding|spawn|clock_gettime)\b|\bkernel\s?\.\s?(?:exec|system|fork)\b|\bruntime\s?\.\s?getruntime"
        r"|\bio\s?\.\s?popen\s?\("
        r"|\bthread\s?\.\s?sleep\s?\(",
        words=_CALLS,
    ),
    _family(
        "command",
        r"<!--\s?#\s?(?:exec|include|echo|printenv|config|set|fsize|flastmod)\b|<\?(?:php\b|=|\s\w|$)|<%\s?(?:eval|execute)"
        r"|\$_(?:get|post|request|cookie|server|files|session|env)\b\s?\[|%x\s?[\[({]",
        marks="<!-- <? <% $_ %x",
    ),
    *LENT,
    CHAINED,
    NOSQL,
    _family(
        "deserialisation",
        r"(?:^|[;{|}\s\"'=])[oc]:\+?\d{1,4}:\"[\w\\]{1,120}\":\+?\d{1,4}:\{|!{1,2}(?:python/(?:object|name|module)|javax?\.|com\.sun|ruby/"
        r"|org\.\w)"
        r"|_\$\$nd_func\$\$_|\bysoserial\b|<java\b[^<>]{0,80}>\s?<object\b",
        r"\"@(?:type|class)\"\s?:\s?\"(?:com\.sun|com\.mchange|com\.zaxxer|org\.(?:apache|hibernate|springframework|eclipse|h2|codehaus)|javax\.|sun\.|l?ch\.qos)|\"py/(?:object|reduce|module)\"\s?:",
        marks=":{ !! !ruby !python _$$nd_func ysoserial <java @type @class py/",
    ),
    _family(
        "ldap",
        r"^[^(]{0,200}\)\s?\(\s?[|&!]?\s?\(?\s?[a-z][\w.;-]{0,40}\s?(?:~=|>=|<=|=)|^[^(]{0,200}\)\s?\(\s?[|&!]\s?\(?|\*\s?\(\s?[|&]\s?\("
        r"|^\s?\(?[|&]?\(?\*\)\s?\(|\*\)\)?\(\||\)\(\|\(|\*\)\(\(|\*\(\)\|&|^[^(]{0,80}\)\s?\)\s?\(\s?\(|^[\w*]{0,40}\*?\){1,3}(?:\[null\]"
        r"|%00|\x00)|^\*\)+$"
        r"|\(\|\((?:mail|objectclass|cn|uid|sn)=\*\)\)",
        marks=")( )␣( )|( *( (| *) )[null]",
    ),
    _family(
        "ssrf",
        r"\b169\.254\.(?:169\.254|170\.2)\b|\bmetadata\.google\.internal\b|//2852039166\b|//0xa9fea9fe\b|a9fe:a9fe|//100\.100\.100\.200\b",
        r"(?:^|[='\"\s(])(?:gopher|dict|netdoc|expect|phar|php|jar:(?:file|https?)|ldap|tftp|zip|glob|compress\.\w{4,5}):/{1,3}[\w\[.{$]"
        r"|(?:^|[='\"(])file:/{1,4}(?:/|etc|proc|localhost|[a-z]:|\.\.)",
        r"data:[^,]{0,60},pd9wah|\bjdbc:\w{1,20}:[^\s]{0,200}(?:init\s?=|autodeserialize|socketfactory|allowloadlocalinfile)",
        words="gopher dict netdoc expect phar php jar ldap tftp zip glob compress file data jdbc",
        marks="169.254. metadata.google 2852039166 0xa9fe a9fe:a9fe 100.100.100.200",
    ),
)

SQL_WORDS = _words("having rlike regexp waitfor sleep procedure drop delete exec execute outfile dumpfile insert values")
SQL_JUNCTIONS = _words("or and xor by div mod where")

SUSPECT_WORDS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "/",
        _words(
            "etc/ proc/ var/ bin/ dev/ root/ .env @fs/ secrets/ kube/ docker/ windows/ winnt inetpub -inf/ ssh/ git/ aws/ cmd wget curl ipconfig :/boot :/auto"
        ),
    ),
    (
        ":",
        _words(
            "script :: dir gopher: dict: netdoc: expect: phar: php: file: ldap: tftp: zip: glob: compress. data: metadata. 2852039166 a9fe 100.100. 169.254"
        ),
    ),
    ("=", _words("on __")),
    ("id_rsa", _words("id_rsa")),
    ("_", _words("__ information_schema sqlite_master xp_ sp_")),
    (
        ".",
        _words(
            "java. class. freemarker .ini global.asa .ht wp-config. web.config httpd.conf .bash_history my.cnf access.log access_log error.log error_log php.ini ping 169.254 metadata.google constructor."
        ),
    ),
    (" -", _words("powershell pwsh ping netstat ipconfig nslookup tracert certutil find tar -exec -o")),
    ("@", _words("into xor or and @@")),
    ("wmic", _words("call")),
    ("saps", _words(".exe")),
    ("mshta", _words("http vbscript")),
    ("busybox", _words("busybox")),
    ("proxycommand", _words("proxycommand")),
    ("--", _words("checkpoint output")),
    ("iwr", _words(".")),
    ("irm", _words(".")),
    ("invoke-", _words("invoke-")),
    ("start-process", _words("start-process")),
    ("::", _words("::json ::int ::text ::varchar ::reg")),
    ("+-", _words("ping")),
    ("0x2e0x2e", _words("0x2e")),
    ("getruntime", _words("getruntime")),
    ("sysobjects", _words("sysobjects")),
)
"""What a text of letters, digits and mild punctuation must hold to belong to any family: a mark, then one of the words that go with it."""

SPLIT_HEADER = (
    r"(?:[\r\n]|\\r|\\n)\s?(?:set-cookie|location|content-length|content-type|transfer-encoding|refresh|x-[a-z-]{2,30}|host|cookie"
    r"|content-security-policy|access-control-[a-z-]{4,30})\s?:|(?:[\r\n]|\\r|\\n)\s?http/\d"
)

COMMAND_LINE = (
    r"^[\d.:]{0,40}[\r\n]+\s{0,8}(?:/\w{1,20}){0,4}/?"
    r"(?:id|whoami|ls|cat|ping|sleep|uname|wget|curl|dir|ipconfig|ifconfig|netstat|nslookup|set|env)\b[^\n]{0,200}[\s;]*$"
)
"""A number or nothing, then a line that is a command."""

LOG_LINE = (
    r"\s?(?:\[(?:info|warn|warning|error|debug|fatal|critical)\]|(?:info|warn|warning|error|debug|fatal|critical)(?:\s?[:|-]|\s{1,4}[\[(])|\[?\d{4}-\d\d-\d\d[t ]\d\d:\d\d"
    r"|<\d{1,3}>\s?[a-z\d]|[a-z]{3} [ \d]\d \d\d:\d\d:\d\d|\d{1,3}(?:\.\d{1,3}){3} - |\{\"(?:level|severity|msg|message|timestamp|time|ts)\"\s?:|\[\d\d/[a-z]{3}/\d{4})"
)
FORGED_LOG = rf"[\r\n]{LOG_LINE}"
"""A line that starts as a log's lines do, in a short value whose first line does not."""

REQUEST_LINE = r"(?:get|post|put|delete|head|patch|options|connect|trace) \S{1,200} http/\d"
LONE_HEADER = r"^\S{0,40}\r\n[a-z][a-z-]{2,30}:\s?\S{1,60}\s{0,4}$"
"""A word, then a line that is a header: what a field of one line does not hold."""
SPLIT_REQUEST = rf"[\r\n]{REQUEST_LINE}|(?:\r|\\r){{0,1}}(?:\n|\\n)(?:\r|\\r){{0,1}}(?:\n|\\n)<(?:html|script|b|h1)\b"
SPLIT_COMMAND = r"\r\n\s?(?:set|get|del|flushall|flushdb|config|slaveof|replicaof|eval|keys|auth|quit|stats|ehlo|helo|data|rcpt|mail|stor|retr|user|pass)\b[^\r\n]{0,80}\r\n"
"""A line of Redis, memcached, SMTP or FTP between line breaks as those protocols send them."""
SPLIT_MAIL = (
    r"^[^\r\n]{0,80}(?:[\r\n]|\\r|\\n)+\s?(?:(?:bcc|cc|to|reply-to|from)\s?:\s?[^\s@]{1,60}@|(?:rcpt to|mail from)\s?:\s?<|subject\s?:)"
)
"""Another recipient, in what should be one line."""

SCRIPT_URI = r"(?:j ?a ?v ?a|v ?b|l ?i ?v ?e) ?s ?c ?r ?i ?p ?t ?: ?[^\s]{0,200}?[(\[=`'\"/;%&.]"

AGENT_URI = r"(?:java|vb|live|mocha)script:|data:(?:text/html|application/x?javascript|text/javascript|image/svg)"
"""In a user agent without white space."""

SHELLSHOCK = r"\( ?\) ?\{"
"""In a user agent: the start of a function definition of bash."""

SENSITIVE_WORDS = _words(
    "etc proc var root windows winnt inetpub ini asa inf htaccess htpasswd ssh git aws php config autoexec file oot web conf bash_history"
    " env fs secrets kube docker netrc id_rsa cnf access_log error_log log appserv apache xampp"
)

SENSITIVE_FILE = (
    r"(?:^|(?<=[^\w.\s/\\`]))[./\\]{0,80}(?:(?<=[/\\])(?:etc[/\\]+(?:passwd|shadow|hosts|group|issue|services|sudoers|motd|fstab|crontab"
    r"|ssh|apache2|httpd|nginx|mysql|php|kubernetes|pki)\b"
    r"|proc[/\\]+(?:self|\d+|version|cmdline|net|mounts|cpuinfo)\b|var[/\\]+(?:log|www|lib)[/\\]|root[/\\]\.|windows[/\\]+(?:win\.ini"
    r"|system)"
    r"|winnt[/\\]|inetpub[/\\]|desktop\.ini\b|global\.asa\b|web-inf[/\\]|meta-inf[/\\])|boot\.ini\b|win\.ini\b|\.ht(?:access|passwd)(?:$"
    r"|[%?&\x00])"
    r"|\.ssh[/\\]|\.git[/\\](?:config|head)|\.aws[/\\]|wp-config\.php|web\.config\b|[\w./\\ -]{0,80}(?:httpd\.conf|\.bash_history|id_rsa"
    r"|my\.cnf|access[._]log|error[._]log|php\.ini)$)"
    r"|^/(?:[\w.@-]{1,40}/){0,6}\.env(?:\.\w{1,20})?$|^/@fs/\w"
    r"|^/?(?:var/)?run/secrets/|^(?:~|/(?:home|users)/[\w.-]{1,32}|/root)/\.(?:aws|ssh|kube|docker|gnupg|netrc|bash_history|config/gcloud)|^(?:web|meta)-inf/"
    r"|(?:^|[/\\=])\.{6,}[/\\]{0,2}(?:web-inf|etc|boot|win)|[./\\][/\\i.]{1,300}\{file\}"
    r"|(?:^|[^a-z])[a-z]:[/\\]+(?:appserv|apache|xampp|windows|winnt|boot\.ini|inetpub|autoexec\.bat|etc[/\\])|\b[a-z]: ?oot\.ini\b"
)

SCANNERS = _words(
    "acunetix arachni bfac brutus bsqlbf burpsuite cgichk commix crimscanner dalfox datacha0s detectify dirb dirbuster dirsearch dotdotpwn feroxbuster ffuf"
    " fhscan fimap gobuster grabber gootkit havij hydra immuniweb inspath interactsh invicti jaascois jaeles joomscan jorgee kiterunner l9explore l9scan"
    " masscan metasploit metis morfeus muieblackcat mysqloit nessus netsparker nikto nmap nsauditor nuclei openvas pangolin paros pmafind raccoon"
    " rustbuster skipfish springenwerk sqlmap sqlninja sysscan uil2pn vega voideye w3af wapiti wascan webbandit webinspect webshag webvulnscan wfuzz"
    " whatweb whcc wpscan x5s xsser xsstrike zaproxy zgrab zmap zmeu"
    " appscan aquatone arjun cariddi crlfuzz drupwn golismero gospider hakrawler joomlavs katana naabu nosqlmap paramspider patator probely sn1per sslscan sslyze subfinder testssl"
    " uniscan vulnx wafw00f waybackurls websploit xsscrapy"
)
"""Product tokens of security scanners and attack tools, in lower case, without version: of our own, beside those of the maintained list."""

SCANNER_PHRASES: tuple[str, ...] = (
    "burp collaborator", "cisco-torch", "core-project/1.0", "crowdstrike-webscan", "domino hunter", "f-secure radar", "fuzz faster u fool",
    "grendel-scan", "n-stealth", "openvas-vt", "owasp zap", "projectdiscovery", "qualys was", "s.t.a.l.k.e.r.", "security scan", "shellshock-scan", "sql power injector", "struts-pwn",
    "teh forest lobster", "this is an exploit", "toata dragostea", "wordpress hash grabber", "xmlrpc exploit",
)  # fmt: skip
"""The same for names that are no single token."""

_token = re.compile(r"[a-z]+(?:\d+[a-z]+)*").fullmatch
SCANNERS |= {name for name in scanner_names.NAMES if _token(name)}
SCANNER_PHRASES += tuple(name for name in scanner_names.NAMES if not _token(name))
