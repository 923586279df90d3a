"""Which texts are about code, or are code of their own, rather than an attack on the program that receives them.

An injection ends what its developer wrote and begins something else; whoever documents, stores or asks for code writes it whole. What is told apart here is still
told, as information: a field that is meant for plain values may be attacked with a whole statement, too. Nothing is excused that calls a program's secrets by name.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

from attacks.normal_form import normal_form
from attacks.per_call import injection
from windows.rules import AS_TEXT

LONGEST = 5_000
"""Characters; of a longer text nobody can say what it is as a whole."""

TELLABLE = frozenset(("sql", "script", "command", "template", "path-traversal", "nosql", "xpath", "ssrf", "ldap", "xxe"))
"""Families that people write about, or write whole. Nobody documents a look-up or a serialised object in a field."""

_NATURAL = (
    "a|an|the|are|was|be|to|of|for|without|your|you|we|i|it|its|this|that|there|than|they|he|she|my|our|uses|using|used|how|why|what|which|who|can|could|should|would|will|does|did|don't|doesn't|never|please|see|has|have|instead|because"
    "|but|just|only|also|each|about|via|so|handler|avoid|works|me|still|now|der|die|das|und|nicht|ist|mit|für|auf|ein|eine|le|la|les|des|est|pas|pour|avec|une|el|los|que|por|con|para|una"
)
_natural = re.compile(rf"(?<![\w$.'\"=/<-])(?:{_NATURAL})(?![\w(.='\"/])", re.IGNORECASE).findall
_KEYWORDS = (
    "select|from|where|union|all|and|or|not|like|order|group|by|having|limit|insert|into|values|update|set|delete|drop|table|exec|execute|case|when|then|else|end|null|join|left|right|inner|outer|cast|convert|desc|asc|between|exists"
    "|distinct|top|declare|waitfor|delay|div|mod|xor|rlike|regexp|cat|curl|wget|echo|bash|sh|ping|sleep|whoami|id|ls|net|user|add|type|dir|cmd|powershell|iex|nc|nslookup|function|return|var|script|img|svg|alert|rm|sudo|process|call|create|start|stop|get|invoke|new|remove|copy|move"
)
_run_of_words = re.compile(
    rf"(?<![\w$.'\"=(/<-])(?:(?!(?:{_KEYWORDS})\b)[^\W\d_]{{2,20}}[,:]? ){{2,8}}(?!(?:{_KEYWORDS})\b)[^\W\d_]{{2,20}}(?![\w(='\"/])",
    re.IGNORECASE,
).search
"""Three words in a row that are no keywords of any language of programs."""
WORDS_OF_PROSE = 2
"""Words of everyday language that make a text prose, where it has no three others in a row."""

_fence = re.compile(r"```[^`]*```|~~~[^~]*~~~|``[^`\n]{1,400}``|(?:^|(?<=[\s(|>*]))`[^`\n]{1,400}`(?=[\s).,;:!?|*]|$)")
_table_row = re.compile(r"^\s*\|.*\|\s*$", re.MULTILINE)
_plain_words = re.compile(r"\s*[^\W\d_]{2,20}\s+[^\W\d_]{2,20}(?:[\s.,;:!?()'-]|[^\W\d_])*").fullmatch
_of_programs = re.compile(r"[<>=;`+\\]|\(\s?['\"]").search
_heading_or_list = re.compile(r"^\s*(?:#{1,6} |[*-] |\d+\. |\|)", re.MULTILINE)
_opaque = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}").fullmatch
_regular_expression = re.compile(r"\[\^|\\[bsdws]|\*\?|\(\?[:=!<]").findall
_ends_a_statement = re.compile(r"(?:--|#|/\*|;)[\s+%0-9a-z-]{0,3}$|%00|\x00")
_breaks = re.compile(r"^\s{0,4}(?:['\"`)\]};|&]|\$\(|--|\d+['\")])")
"""A text that begins so ends something that it did not begin."""
_tautology = re.compile(
    r"\b(?:or|and|xor|having|where)\b[\s(]{0,4}(?:not )?['\"]?(\w{1,20})['\"]?\s?(?:=|like|<=|>=)\s?['\"]?\1\b|\b(?:or|and)\s(?:true|1|not (?:false|0))\b(?! ?[=<>])|\b(?:or|and)\s'[^']{0,9}'\s?=\s?'"
)
_heavy = re.compile(
    r"\b(?:sleep|pg_sleep|benchmark|waitfor|xp_\w+|load_file|extractvalue|updatexml|dbms_\w+|utl_\w+|information_schema|procedure analyse|\bdb\.|sysobjects|sqlite_master|pg_\w+|sys\.\w+|all_tables|outfile|dumpfile|load_extension|to program|char\s?\(|0x[0-9a-f]{4})"
    r"|\bi?if\s?\(\s?\d{1,6}\s?=\s?\d|@@|\bunion\b.{0,20}\bselect\b.{0,60}(?:null|\b1\s?,|@@|version|user\s?\(|password)|\b(?:version|user|database|current_user)\s?\(\s?\)"
)
_statement = re.compile(
    r"^\s{0,4}(?:select|insert into|update|delete from|with|create|alter|drop|explain|merge|grant|group by|order by|where|having|from)\b[^;]{1,4000};?\s?$"
)
_definition = re.compile(
    r"^\s{0,4}(?:create|alter|drop) (?:unique )?(?:index|view|sequence|trigger|type|domain|extension)\b|^\s{0,4}(?:create|alter) table\b|^\s{0,4}insert into\b"
)
_subquery = re.compile(r"^[a-z][\w ,:'-]{3,120}:\s?\(\s?select\b[^;]{1,400}\)\s?$")
_program_of_sql = re.compile(
    r"^\s{0,4}(?:[a-z_$][\w$.>\[\]-]{0,60}\s(?:=\s)?){0,4}[a-z_$][\w$.>\[\]-]{0,60}\s?(?:=|\()\s?[frb@$]{0,2}[\"'`]{1,3}\s?(?:select|insert|update|delete|with|create)\b"
)
_filter = re.compile(
    r"^\s{0,4}(?:not )?[(\[]{0,4}(?:[a-z_$@][\w.$@/-]{0,60}(?:\[[^\]]{0,200}\])*)(?:\s?(?:=|==|!=|<>|<|>|<=|>=|~|:)|\s(?:eq|ne|gt|ge|lt|le|in|like|between|is|has|contains|mul|div|add|sub|mod|all|any|and|or|not)\b|\(|\.|\[|$)"
)
_heading = re.compile(r"(?:\s{0,4}-- [\w .,:/()-]{1,200}\n){1,9}(?=\s{0,4}\w)").match
"""Lines of comment above a statement, as whoever writes a report names it."""
_sql_comment = re.compile(r"--|/\*|#\s?$")
_equation = r"\d[\d\s.,]{0,20}[+*/^-][\d\s.,+*/^()-]{1,60}=[\d\s.,+*/^()-]{1,60}"
_equations = re.compile(rf"{_equation}(?:(?:and|or|,|;)\s{_equation}){{0,4}}").fullmatch
_only_numbers = re.compile(
    r"^(?=\d)[\d\s.,+*/%^()-]{1,80}(?:=|<|>|<=|>=|!=)[\d\s.,+*/%^-]{1,80}(?:\sand\s[\d\s.,+*/%^()-]{1,80}(?:<|>|<=|>=)[\d\s.,+*/%^-]{1,80}){0,4}$"
)

_active = re.compile(
    r"document\s?\.\s?(?:cookie|domain|location(?!\.(?:search|hash|pathname|host|origin)\b)|write)|localstorage|sessionstorage|string\s?\.\s?fromcharcode|\batob\b|\bunescape\b|\beval\s?[(`.]|\bexecscript\b|(?:java|vb|live)script\s?:|data\s?:\s?text/html"
    r"|\bconstructor\s?[.(\[]|__proto__|srcdoc|\balert\s?[(`]\s?(?:\d|document|location|origin|window|this|self|`|string|xss|\)|['\"`/]xss)|(?:confirm|prompt)\s?[(`]\s?(?:\d|document|`|\))|\[\s?['\"`]\w{1,8}['\"`]\s?\+|(?:https?:)?//[\w.-]{1,80}[^\"'\s<>]{0,200}[\"'`]?\s?\+|\\x[0-9a-f]|\\u00|\bon[a-z]{4,9}\s?=\s?(?:alert|eval|confirm|prompt)|\bthrow\s?(?!new\b)[\w'\"`/{+]|\bfunction\s?\(\s?['\"`]"
)
_tag = re.compile(r"<\s?[/!?]?[a-z][^<>]{0,800}>?")
_handler = re.compile(r"[\s\"'/]on[a-z]{3,24}\s?=\s?(\"[^\"<>]{0,200}\"|'[^'<>]{0,200}'|\{(?:[^<>]|=>){0,400}?\}(?=[\s/>])|[^\s>]{0,200})")
_honest_handler = re.compile(
    r"[\"'](?:return )?(?:this\.)?(?!alert|confirm|prompt|eval|fetch|import|print|open|atob|settimeout|setinterval|function)[a-z_$][\w$.]{0,40}\((?:[\w\s,.$'-]{0,80})\)(?:; ?(?:return (?:false|true)|[a-z_$][\w$.]{0,40}\(\)))*;?[\"']|\{[^`]{1,400}\}"
)
_away = re.compile(
    r"(?:src|href|action|data|formaction|xlink:href)\s?=\s?[\"']?\s?(?:https?:)?//(?!(?:www\.)?(?:youtube(?:-nocookie)?\.com|youtu\.be|player\.vimeo\.com|open\.spotify\.com|google\.com/maps|maps\.google\.com|openstreetmap\.org|w3\.org|codepen\.io|w\.soundcloud\.com)[/\"'])"
)
_plain_source = re.compile(
    r"(?:src|href|action)\s?=\s?(?:\"(?!javascript|data:|\\|/[/\\])[^\"<>\s]{1,200}\"|'(?!javascript|data:|\\|/[/\\])[^'<>\s]{1,200}')"
)
_program = re.compile(
    r"^\s{0,4}(?:(?:const|let|var|import|export|function|async|await|class|if|for|while|return|public|private|static|def|from|try|echo|print|package|using|namespace|type|interface|switch|new|throw|\$[a-z]\w*)\b|#(?:include|define|!)"
    r"|[a-z_$][\w$]{0,40}(?:\.[a-z_$][\w$]{0,40}){0,6}\s?(?:\(|=(?!=))|exec\s?\(\s?['\"](?:npm|npx|yarn|git|make|node|docker)\s)"
)
_RUNS = frozenset(("sql", "script", "command", "template", "nosql"))
_shell_sink = re.compile(
    r"child_process|os\s?\.\s?(?:system|popen)|subprocess|__import__|getruntime|processbuilder|shell_exec|passthru|proc_open|/etc/|cmd(?:\.exe)?\s/|\$_(?:get|post|request|cookie)|base64_decode|<\?(?!xml)|\b(?:system|popen|eval|assert)\s?\(\s?[\"'$]|\bphpinfo\b|\(\s?['\"]\s?\||&\s?\$|'\s?\+\s?'|\bexec\s?\(\s?['\"](?!npm|npx|yarn|git|make|node|docker)|\bexecute\s?\(\s?['\"]\w{1,12}['\"]|\.exec\s?\(|\bexec\s?\(\s?[a-z_]{1,20}\("
)

_TOOLS = (
    "git|npm|npx|yarn|pnpm|node|docker|docker-compose|podman|kubectl|helm|terraform|az|aws|gcloud|python3?|pip3?|poetry|uv|mvn|gradle|dotnet|nuget|go|cargo|make|cmake|gcc|apt|apt-get|yum|brew|choco|systemctl|journalctl|service|ssh|scp|rsync|psql|mysql"
    r"|tar|zip|unzip|ls|cd|cp|mv|mkdir|chmod|cat|grep|find|head|tail|sort|awk|sed|echo|export|source|wget|curl|ps|df|du|kill|sudo|php|composer|ruby|bundle|rails|java|jq|date|basename|dirname|hostname|which|ping|netstat|openssl|crontab|traceroute|dig|ip|top|(?:powershell|pwsh)(?:\.exe)? -file|for|if|while|get-[a-z]+|set-[a-z]+|new-[a-z]+|invoke-restmethod|invoke-webrequest"
)
_command_line = re.compile(
    rf"^\s{{0,4}}(?:(?:[\d*/,-]{{1,12}}\s){{5}}(?:[a-z_][\w-]{{0,30}}\s)?|[$#>]\s|\w{{1,20}}=\$\(|\w{{1,20}}=\S{{1,60}}\s)?(?:/(?:usr/)?(?:local/)?s?bin/)?(?:{_TOOLS})\b(?!\s?[({{<=])"
)
_planned = re.compile(r"^\s?(?:[\d*/,-]{1,12}\s){5}(?:[a-z_][\w-]{0,30}\s)?/[\w./-]{1,200}(?:\s|$)").match
"""A line of a crontab that starts a program by its path."""
_named_without_being_called = re.compile(r"[\w ,.:/#@+-]{1,400}(?:(?<!\w)\([\w ,.:/#@+-]{1,200}\)[\w ,.:/#@+-]{0,400}){0,4}").fullmatch
"""Words, and nothing that a shell or a program would need to run one."""
_hostile_command = re.compile(
    r"/etc/(?:passwd|shadow|hosts|group|sudoers)|/dev/(?:tcp|udp)/|\|\s?(?:sudo )?(?:ba|z|da|k)?sh\b|\bnc\b|\bncat\b|\bnetcat\b|mkfifo|base64 -d|\bid_rsa\b|\.ssh/|\.aws/|\bwhoami\b|\buname\b|\bnslookup\b|rm -rf (?:--no-preserve-root )?/(?:\s|$|\*)"
    r"|-exec\b|downloadstring|\biex\b|\$ifs|\$\{ifs|\bproc/self|(?:curl|wget)\s.{0,200}?(?:`|\$\()|[;|&]\s?(?:id|env|printenv|set)\s?$|-e\s?['\"]|-c\s?['\"]|-r\s?['\"]|0>&1|(?:win|boot)\.ini|\bwmic\b|\bmshta\b|\bcertutil\b|\bregsvr32\b|\brundll32\b|\bbitsadmin\b|/tmp/\S{1,40}\.(?:sh|elf|py|pl)|\beval\b"
)

_rooted = re.compile(
    r"^(?:file:/{2,3})?(?:[a-z]:[\\/]|/|~/|\\\\)[\w .@()+,\[\]&'#~=$-]{0,100}(?:[\\/]{1,2}[\w .@()+,\[\]&'#~=$-]{0,100}){0,20}(?::\d{1,6}){0,2}$"
)
_one_step = re.compile(r"^(?:\.[\\/])?(?:\.\.[\\/]){1,2}(?:[\w @()+-]{1,60}[\\/]){0,8}[\w @()+-]{1,60}(?:\.[\w-]{1,20}){0,2}$")
_chained = re.compile(r"\.\.|[;|&`'\"$<>]|%0|\b(?:cat|type|less|more|head|tail)\b")
_secret_file = re.compile(
    r"passw|shadow|[\\/]etc[\\/](?:group|hosts|issue|motd|fstab|crontab|sudoers|ssh|mysql|kubernetes|php|apache2|httpd)|id_[dr]sa|\.env|\.ssh|\.git|\.aws|\.kube|\.docker|\.ht(?!ml?\b)|\.netrc|history|(?:win|boot|system|php|desktop)\.ini|web\.config|wp-config|global\.asa|self[\\/]|proc[\\/](?:\d|self|net|version|cmdline|mounts|environ)"
    r"|environ\b|(?:access|error)[._]log|(?:auth|secure|syslog|messages|mail|vsftpd|sshd)(?:\.log)?$|my\.cnf|httpd\.conf|credential|secret|token|appsettings|settings|config|backup|drivers[\\/]etc|system32|repair|[\\/]sam$|ntds|-inf[\\/]|admin|shell|c99|manager|\{file\}|run[\\/]secrets|issue|\bcmd\b|database|\.(?:pem|key|pfx|p12|asax?|bak|sql|sqlite|db)$"
)
_local = re.compile(r"(?:https?:)?//(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?::\d{2,5})?(?:/|\b)")
_own_file = re.compile(r"file:/{2,3}(?:[a-z]:/(?!windows|winnt|inetpub|boot)|home/|users/|mnt/|media/|tmp/|opt/)")
_inner = re.compile(
    r"169\.254|metadata|\.internal|\.svc|consul|kubernetes|gopher|dict:|0x|:(?:22|25|2375|2379|5984|6379|8500|9200|10250|11211|27017)\b"
)
_called = re.compile(
    r"\b(?:include|url|path|asset|date|trans|t|render|partial|__|block|slot|yield|section|component|route|i18n)\s?\(\s?['\"](?![/.])[\w/. :%-]{0,60}['\"]"
)
_template_danger = re.compile(
    r"`|__|#\{\s?['\"]|%x|getclass|\d\s?\||\bself\b|\bpopen\b|\brequest\s?[.\[|](?!path\b|url\b|method\b|user\b|host\b)|getruntime|\bjava\b|classloader|\bmro\b|constructor|\bos\.|\bsystem\b|\bexec\b|\beval\b|process|\bconfig\s?(?:\.\s?(?:items|from|secret|[a-z]+_key)|\[|\}|\|)|\battr\b|\(\s?['\"]|\d\s?\*\s?'?\d|/etc|\.\.|\bphp\b|freemarker|\$class|\.class\b|\bt\s?\(|\|\s?(?:filter|map|reduce|sort)\s?\(|dump\b|lipsum|cycler|joiner|namespace|url_for|alert|\bfile\b|\bload\s?\(|\bdebug\b|runtime"
)
_template = re.compile(r"\{\{|\{%|\$\{|<%|<#|#(?:set|if|foreach|parse)\s?\(|\[\[|@\{|#\{")
_count_of_elements = re.compile(
    r"^\s?count\s?\(//?[a-z][\w-]*(?:/[a-z][\w-]*)*(?:\[(?:not\()?@[a-z][\w-]*[^\[\]|]{0,60}\])?\)\s?(?:[<>=!]{1,2}\s?\d{1,9})?$"
)
"""A count for itself, of elements with names; whoever explores a document that he does not know counts any."""
_honest_doctype = re.compile(
    r"<!doctype\s(?:html|svg|math|[a-z]{1,20})(?:\spublic\s\"-//(?:w3c|ietf|oasis|wapforum|apple|apple computer|mybatis\.org|hibernate|sun)[^\"\[\]]{1,120}\"\s\"https?://(?:www\.)?(?:w3\.org|apple\.com|docbook\.org|oasis-open\.org|mybatis\.org|hibernate\.(?:org|sourceforge\.net)|java\.sun\.com)/[^\"]{0,160}\"|\s?)\s?>"
)


def as_text(value: str, family: str) -> bool:
    """Whether a value in which an attack of this family was seen is about code, or is whole code of its own."""
    if family not in TELLABLE or len(value) > LONGEST or (value[:1] != "/" and _opaque(value)):
        return False
    written = unquote(value) if "%" in value else value
    if "\ufffd" in written or "\0" in written or "/**/" in written or written[:1] in "\r\n":
        return False
    if family == "sql" and (heading := _heading(written)) is not None:
        written = written[heading.end() :]
    text = normal_form(written)
    return _mentioned(written, text, family) or (not (family in _RUNS and _shell_sink.search(text)) and _RULES[family](text))


def _prose(text: str) -> bool:
    return len(_natural(text)) >= WORDS_OF_PROSE or _run_of_words(text) is not None


def _mentioned(written: str, text: str, family: str) -> bool:
    """Prose around code, or code marked as such: words of everyday language, and no end of a statement at the end."""
    if _ends_a_statement.search(text):
        return False
    marked = _fence.sub(" ", written)
    if marked != written and _silent(_table_row.sub(lambda row: row[0].replace("|", " "), marked)):
        if _natural(marked) or _run_of_words(marked) or _heading_or_list.search(marked) or (family != "command" and _plain_words(marked)):
            return True
        if not marked.strip() and (written.strip()[:3] == "```" or written.strip()[:2] == "`$"):
            return not _hostile_command.search(text.replace("`", ""))
    if _breaks.search(text) or not _prose(text):
        return False
    if family == "sql":
        return text[:1].isalpha() and not _heavy.search(text) and (_goes_on(text) if _tautology.search(text) else _balanced(text))
    if family == "path-traversal":
        return ".." not in text and text[:1].isalpha()
    if family == "command" and _named_without_being_called(written) and not _hostile_command.search(text):
        return True
    if family == "script" and text[:1].isalpha() and not _of_programs(text):
        return True
    return family in ("script", "command", "nosql", "template", "xpath") and not _dangerous(text, family)


def _silent(rest: str) -> bool:
    return injection(rest) is None


def _goes_on(text: str) -> bool:
    """Whether everyday language follows a condition that is always true: no program ends so."""
    found = _tautology.search(text)
    return found is not None and bool(_natural(text[found.end() :]) or _run_of_words(text[found.end() :]))


def _dangerous(text: str, family: str) -> bool:
    if family == "command":
        return (
            _hostile_command.search(text) is not None
            or _shell_sink.search(text) is not None
            or "$(" in text
            or re.search(r"[;|&]{1,2}\s?[a-z]", text) is not None
        )
    if family == "script":
        return _active.search(text) is not None or _executes(text)
    if family == "sql":
        return _heavy.search(text) is not None or _tautology.search(text) is not None
    if family == "template":
        return _template_danger.search(text) is not None
    if family == "nosql":
        return "$where" in text or "this." in text or "sleep" in text or "db." in text
    return False


def _executes(text: str) -> bool:
    """Whether markup runs something: a handler that is no plain call of the page's own function, a source elsewhere, a script with a body."""
    if any(_honest_handler.fullmatch(found[1]) is None for found in _handler.finditer(text)):
        return True
    if _away.search(text):
        return True
    return (
        re.search(
            r"<script\b[^<>]*>\s?[^<\s]{0,40}[(=`\[]|<(?:object|embed|applet|base|frame|xss|animate\w*|set|foreignobject|use)\b|<meta\b[^<>]*http-equiv|<style\b[^<>]*>[^<]*(?:@import|expression)|<!--#|<svg\s?/|srcset\s?=",
            text,
        )
        is not None
    )


def _whole_sql(text: str) -> bool:
    """A statement, or a filter, that begins with itself: whatever it does, it ends no one else's."""
    if _heavy.search(text) or _tautology.search(text) or _sql_comment.search(text):
        return False
    if _only_numbers.match(text) or _equations(text) or _program_of_sql.match(text):
        return True
    statements = [piece for piece in text.split(";") if piece.strip()]
    if len(statements) > 1:
        return all(_definition.match(piece) for piece in statements)
    return (_statement.match(text) is not None or _subquery.match(text) is not None or _whole_filter(text)) and _balanced(text)


def _whole_filter(text: str) -> bool:
    return (
        _filter.match(text) is not None and _balanced(text) and " select " not in f" {text} " and "(select" not in text and ";" not in text
    )


def _balanced(text: str) -> bool:
    """Whether every quote and bracket that a text opens is closed in it, in order."""
    waiting: list[str] = []
    quote = ""
    closes = {")": "(", "]": "[", "}": "{"}
    before = ""
    for character in text:
        if quote:
            if character == quote and before != "\\":
                quote = ""
        elif character in "'\"`" and not (character == "'" and before.isalpha()):
            quote = character
        elif character in "([{":
            waiting.append(character)
        elif character in closes and (not waiting or waiting.pop() != closes[character]):
            return False
        before = character
    return not quote and not waiting


def _whole_script(text: str) -> bool:
    """Markup that runs nothing but its own page's functions, or a program's source that steals nothing."""
    if _breaks.search(text):
        return False
    if len(_regular_expression(text)) > 1 and "alert" not in text:
        return True
    if _active.search(text):
        return False
    if _tag.search(text):
        return not _executes(text) and (text[:1] == "<" or _program.match(text) is not None)
    if re.search(r"[(\[]\s?[\"'`]\s?(?:https?:)?//", text):
        return False
    return _program.match(text) is not None and _balanced(text)


def _whole_command(text: str) -> bool:
    """A command line as people write it down, or a program's source that starts none."""
    if _hostile_command.search(text) or _breaks.search(text):
        return False
    if _command_line.match(text) or _planned(text):
        return True
    if _template.match(text):
        return _whole_template(text)
    if _rooted.match(text):
        return re.fullmatch(r"/(?:usr/)?(?:local/)?s?bin/[\w.-]{1,30}", text) is not None
    return _program.match(text) is not None and not _shell_sink.search(text) and "$(" not in text and "`" not in text and _balanced(text)


def _whole_path(text: str) -> bool:
    """A path that starts at a root or steps out of its folder as source code does, to no file that is anybody's secret."""
    words = text.split()
    if _secret_file.search(text):
        return len(words) > 3 and text[:1].isalpha() and text[1:2] != ":" and not _chained.search(text)
    beside = len(words) > 1 and text[:1] not in "./\\~" and text[1:2] != ":" and _breaks.search(text) is None
    return _rooted.match(text) is not None or _one_step.match(text) is not None or (beside and ".." not in text and "%0" not in text)


def _whole_template(text: str) -> bool:
    return not _template_danger.search(_called.sub("", text)) and _template.search(text) is not None and _balanced(text)


def _whole_nosql(text: str) -> bool:
    return (
        ("[?" in text or _filter.match(text) is not None)
        and not _dangerous(text, "nosql")
        and "$" not in text.replace("$.", "").replace("$[", "")
        and _balanced(text)
    )


def _whole_xpath(text: str) -> bool:
    return (
        _balanced(text)
        and (text[:1] in "/(" or _filter.match(text) is not None)
        and " or '" not in text
        and "doc(" not in text
        and "node()" not in text
        and "count(/" not in _count_of_elements.sub("", text)
    )


def _whole_ldap(text: str) -> bool:
    return text[:2] in ("(&", "(|", "(!") and _balanced(text) and "=*)" not in text.replace(" ", "")


def _beside(text: str) -> bool:
    """An address of the reader's own machine by its usual name, in the middle of a longer text."""
    rest = _local.sub(" ", text)
    if rest == text or _inner.search(text):
        return _own_file.match(text) is not None and _whole_path(text)
    return re.match(r"^\s?(?:https?:)?//", text) is None and len(text.split()) > 1


def _doctype(text: str) -> bool:
    return (
        "<!doctype" in text
        and "<!doctype" not in _honest_doctype.sub("", text)
        and "<!entity" not in text
        and "xinclude" not in text
        and "file:" not in text
    )


_RULES: dict[str, Callable[[str], bool]] = {
    "sql": _whole_sql,
    "script": _whole_script,
    "command": _whole_command,
    "path-traversal": _whole_path,
    "template": _whole_template,
    "nosql": _whole_nosql,
    "xpath": _whole_xpath,
    "ldap": _whole_ldap,
    "ssrf": _beside,
    "xxe": _doctype,
}


def told(value: str, family: str) -> str:
    """The family as it is told: "sql", or "sql as text"."""
    return family + AS_TEXT if as_text(value, family) else family
