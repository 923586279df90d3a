"""Reading policies: expressions found however they are written, and everything else refused."""

from __future__ import annotations

import pytest

from posture.policy_text import PolicyNotUnderstood, parse


def codes(text: str) -> list[str]:
    found = []
    for element in parse(text).walk():
        found += [expression.code for expression in element.attribute_expressions.values()]
        if element.text_expression is not None:
            found.append(element.text_expression.code)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<a b="@(f("x", 1 < 2 && c))" />', ['f("x", 1 < 2 && c)']),
        ("<a b='@(f(\"x\"))' />", ['f("x")']),
        ('<a b="@(f(&quot;)&quot;))" />', ['f(")")']),
        ('<a b="@(a &lt; b &amp;&amp; c)" />', ["a < b && c"]),
        ('<a b="@{ return "}"; }" />', [' return "}"; ']),
        ('<a>@{ return "<b>"; }</a>', [' return "<b>"; ']),
        ("<a>\n  @( 1 )\n</a>", [" 1 "]),
        ('<a b="@(@"c:\\" + "\\"")" />', ['@"c:\\" + "\\""']),
        ('<a b="@(@"say ""hi"" )")" />', ['@"say ""hi"" )"']),
        ("<a b=\"@('\\'' + ')' + '\"')\" />", ["'\\'' + ')' + '\"'"]),
        ('<a b="@{ /* ) } " */ return 1; }" />', [' /* ) } " */ return 1; ']),
        ('<a b="@{ // it\'s )\n return 1; }" />', [" // it's )\n return 1; "]),
        ('<a b="@($"{x}(")" />', ['$"{x}("']),
        ('<a b="@@(x)" c="user@(example" />', []),
        ("<a><![CDATA[@( < ]]><!-- @( --><?x @( ?></a>", []),
    ],
)
def test_expressions_are_found(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_offsets_point_into_the_text() -> None:
    text = '\ufeff<p>é\U0001f600<!-- <x> --><q r="@(s("</q>"))" t=\'1>0\' />\r\n<u></u></p >\n'
    root = parse(text)
    q, u = root.children
    assert text[q.start : q.end] == '<q r="@(s("</q>"))" t=\'1>0\' />'
    assert (q.is_empty_tag, u.is_empty_tag) == (True, False)
    assert text[u.start : u.end] == "<u></u>"
    assert text[root.start : root.end] == text.strip("\ufeff\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not exactly one root"),
        ("plain", "not exactly one root"),
        ("<a/><b/>", "not exactly one root"),
        ("<a>", "never closed"),
        ("<a></b>", "closes nothing"),
        ("</a>", "closes nothing"),
        ("<a b=1 />", "without a quoted value"),
        ('<a b="1" b="2" />', "twice"),
        ('<a b="1', "without a closing quote"),
        ('<a b="1"c="2" />', "no tag"),
        ("<a < b />", "no tag"),
        ("<a>1 < 2</a>", "opens no tag"),
        ("<a>1 && 2</a>", "not well-formed"),
        ("<a>&nbsp;</a>", "not well-formed"),
        ("<a><!-- -- --></a>", "not well-formed"),
        ("<a><!--", "without end"),
        ("<a><![CDATA[", "without end"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "a document type"),
        ('<a b="@(f("' + '" />', "no end"),
        ('<a b="@(f]" />', "closes what it did not open"),
        ('<a b="@(f) + 1" />', "more after the expression"),
        ('<a b="@(\'x)" />', "character literal"),
        ("<a>\x00</a>", "does not allow"),
        ("<a>\ud800</a>", "does not allow"),
        ("<é/>", "opens no tag"),
        ("<a>@{ never", "no end"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(PolicyNotUnderstood, match=why):
        parse(text)


def test_a_refusal_names_line_and_column() -> None:
    with pytest.raises(PolicyNotUnderstood, match=r"line 2, column 6"):
        parse("<a>\n  <b c=1 />\n</a>")


def test_deep_nesting_is_no_crash() -> None:
    text = "<a>" * 20_000 + "</a>" * 20_000
    assert parse(text).tag == "a"


def test_many_expressions_are_read_in_reasonable_time() -> None:
    text = "<a>" + '<b c="@(d("(") && e < 1)" />' * 3_000 + "</a>"
    assert len(codes(text)) == 3_000
