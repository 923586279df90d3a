"""Fragments in and out of a policy: what comes out is what went in, byte for byte, whatever the document looks like."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.policy_text import PolicyNotUnderstood, parse
from tools.policy_edit import (
    CAPTURE,
    EMIT,
    GUARD,
    NEW_GUARDED_POLICY,
    NEW_POLICY,
    answers_itself,
    is_guarded,
    is_watched,
    sections_without_base,
    unwatch,
    unwatch_unmatched,
    watch,
    watch_unmatched,
)

USUAL = """<!--
    IMPORTANT:
    - Policies are applied in the order of their appearance, <inbound> first.
-->
<policies>
    <!-- Throttle, authorize, validate -->
    <inbound>
        <base />
        <set-variable name="a" value="@(context.Request.Headers.GetValueOrDefault("x","<y>"))" />
        <validate-jwt header-name="Authorization" failed-validation-httpcode="401">
            <openid-config url="https://login.example/.well-known/openid-configuration" />
        </validate-jwt>
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
        <!-- last -->
    </outbound>
    <on-error>
        <base />
    </on-error>
</policies>"""

WATCHED = """<!--
    IMPORTANT:
    - Policies are applied in the order of their appearance, <inbound> first.
-->
<policies>
    <!-- Throttle, authorize, validate -->
    <inbound>
        <include-fragment fragment-id="gatewatch-capture" />
        <base />
        <set-variable name="a" value="@(context.Request.Headers.GetValueOrDefault("x","<y>"))" />
        <validate-jwt header-name="Authorization" failed-validation-httpcode="401">
            <openid-config url="https://login.example/.well-known/openid-configuration" />
        </validate-jwt>
        <set-variable name="gatewatch-auth-jwt" value="gatewatch" />
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
        <!-- last -->
        <include-fragment fragment-id="gatewatch-emit" />
    </outbound>
    <on-error>
        <include-fragment fragment-id="gatewatch-capture" />
        <include-fragment fragment-id="gatewatch-emit" />
        <base />
    </on-error>
</policies>"""


def test_the_usual_policy() -> None:
    assert watch(USUAL) == WATCHED
    assert unwatch(WATCHED) == USUAL
    assert watch(WATCHED) == WATCHED
    assert (is_watched(USUAL), is_watched(WATCHED)) == (False, True)


def test_an_api_without_a_policy() -> None:
    assert watch(None) == NEW_POLICY
    assert watch(NEW_POLICY) == NEW_POLICY
    assert unwatch(NEW_POLICY) is None
    assert unwatch(NEW_POLICY.replace("\n", "\r\n").strip()) is None  # as a service may hand it back
    assert is_watched(NEW_POLICY)


def test_a_policy_that_was_added_and_then_edited_stays() -> None:
    edited = NEW_POLICY.replace("<base />\n        " + EMIT, '<base />\n        <set-header name="x" />\n        ' + EMIT)
    left = unwatch(edited)
    assert left is not None
    assert "gatewatch" not in left
    assert '<set-header name="x" />' in left
    assert [section.tag for section in parse(left).children] == ["inbound", "backend", "outbound", "on-error"]


def test_unwatched_policies_are_left_alone() -> None:
    assert unwatch(USUAL) == USUAL


def test_what_came_after_is_kept_and_ours_moves_back_to_its_place() -> None:
    cors = '<cors allow-credentials="false" />\n        '
    moved = WATCHED.replace(CAPTURE, cors + CAPTURE, 1).replace(
        EMIT + "\n    </outbound>", EMIT + '\n        <set-status code="200" />\n    </outbound>'
    )
    assert unwatch(moved) == USUAL.replace("<base />", cors + "<base />", 1).replace(
        "<!-- last -->", '<!-- last -->\n        <set-status code="200" />'
    )
    again = watch(moved)
    assert again.index(CAPTURE) < again.index("<cors")
    assert again.index("<set-status") < again.index(EMIT)


def test_a_validation_that_came_later_is_told_too() -> None:
    later = WATCHED.replace("    </inbound>", "        <validate-client-certificate />\n    </inbound>")
    assert '<validate-client-certificate />\n        <set-variable name="gatewatch-auth-client-certificate" value="gatewatch" />' in watch(
        later
    )


def test_a_proof_that_the_customer_wrote_is_theirs() -> None:
    own = USUAL.replace(
        "        </validate-jwt>", '        </validate-jwt>\n        <set-variable name="gatewatch-auth-jwt" value="yes" />'
    )
    assert watch(own).count("gatewatch-auth-jwt") == 1
    assert unwatch(watch(own)) == own


def test_validation_inside_a_choice() -> None:
    nested = USUAL.replace(
        "<base />",
        '<choose><when condition="@(true)"><validate-azure-ad-token tenant-id="t" /></when><otherwise><validate-jwt /></otherwise></choose>',
        1,
    )
    put = watch(nested)
    assert '<validate-azure-ad-token tenant-id="t" /><set-variable name="gatewatch-auth-azure-ad-token"' in put
    assert unwatch(put) == nested


def test_an_on_error_that_was_added_goes_whole_unless_it_is_used() -> None:
    plain = "<policies>\n  <inbound>\n    <base />\n  </inbound>\n  <outbound>\n    <base />\n  </outbound>\n</policies>"
    put = watch(plain)
    assert "<on-error>" in put
    assert put.count("<base />") == 3  # the new section inherits, as no section did
    assert unwatch(put) == plain
    used = put.replace("<base />\n      </on-error>", "").replace("<base />\n  </on-error>", "<base />\n<trace />\n  </on-error>")
    left = unwatch(used)
    assert left is not None
    assert "<trace />" in left
    assert "gatewatch" not in left


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<policies><outbound /></policies>", "no <inbound>"),
        ("<policies><inbound /></policies>", "no <outbound>"),
        ("<policies><inbound /><inbound /><outbound /></policies>", "<inbound> is there twice"),
        ("<policies><inbound /><outbound /><finally /></policies>", "<finally> is no section"),
        ('<policies><inbound a="1" /><outbound /></policies>', "has attributes"),
        ("<policies><inbound>text</inbound><outbound /></policies>", "text beside"),
        ("<policies>text<inbound /><outbound /></policies>", "text beside"),
        ("<fragment />", "the root is <fragment>"),
        ("<policies><inbound>", "never closed"),
        ("", "not exactly one root"),
        (USUAL.replace("<base />", CAPTURE, 1), "not gatewatch-emit in outbound"),
        (WATCHED.replace(CAPTURE, CAPTURE + CAPTURE, 1), "twice"),
        (WATCHED.replace(CAPTURE + "\n        " + EMIT, EMIT + CAPTURE), "another order"),
        (WATCHED.replace(CAPTURE + "\n        " + EMIT, EMIT), "not gatewatch-capture in on-error"),
        (WATCHED.replace(CAPTURE, EMIT), "<inbound> includes gatewatch-emit"),
        (WATCHED.replace(EMIT, f"<choose><otherwise>{EMIT}</otherwise></choose>", 1), "by hand"),
        (WATCHED.replace(CAPTURE, '<include-fragment id="1" fragment-id="gatewatch-capture" />'), "of its own: by hand"),
        (WATCHED.replace("<backend>", "<backend>" + EMIT), "<backend> includes"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, why: str) -> None:
    with pytest.raises(PolicyNotUnderstood, match=why):
        watch(text)


def test_hand_made_includes_are_not_removed() -> None:
    with pytest.raises(PolicyNotUnderstood, match="by hand"):
        unwatch(USUAL.replace("<base />", CAPTURE, 1))


# ---- the global policy

GLOBAL = "<policies>\n\t<inbound></inbound>\n\t<backend>\n\t\t<forward-request />\n\t</backend>\n\t<outbound></outbound>\n\t<on-error></on-error>\n</policies>\n"


@pytest.mark.parametrize(
    "text",
    [
        GLOBAL,
        GLOBAL.replace("<on-error></on-error>", "<on-error />"),
        GLOBAL.replace("\n\t<on-error></on-error>", ""),
        GLOBAL.replace("<on-error></on-error>", '<on-error>\n\t\t<set-header name="x" />\n\t</on-error>'),
        GLOBAL.replace("\n", "\r\n"),
        GLOBAL.replace("\n", "").replace("\t", ""),
        USUAL,
    ],
)
def test_unmatched_calls_by_the_global_policy(text: str) -> None:
    put = watch_unmatched(text)
    on_error = next(section for section in parse(put).children if section.tag == "on-error")
    assert on_error.children[0].tag == "choose"
    assert put.count("gatewatch-emit") == 1
    assert watch_unmatched(put) == put
    assert unwatch_unmatched(put) == text
    assert unwatch_unmatched(text) == text


@pytest.mark.parametrize("text", [WATCHED, GLOBAL.replace("<on-error>", "<on-error>" + EMIT), "<policies></policies>"])
def test_a_global_policy_that_is_not_understood(text: str) -> None:
    with pytest.raises(PolicyNotUnderstood):
        watch_unmatched(text)


# ---- what the user should know


def test_operations_that_do_not_inherit() -> None:
    assert sections_without_base(USUAL) == []
    assert sections_without_base("<policies><inbound><base /></inbound><outbound /><on-error></on-error></policies>") == [
        "outbound",
        "on-error",
    ]


def test_policies_that_answer_by_themselves() -> None:
    assert answers_itself(USUAL) == []
    assert answers_itself(USUAL.replace("<base />", "<choose><otherwise><return-response /></otherwise></choose>", 1)) == [
        "return-response"
    ]


# ---- any document

SPACE = st.sampled_from(["", " ", "\n", "\n    ", "\r\n\t", "\n\n  \t"])
COMMENT = st.sampled_from(["<!-- a -->", "<!---->", "<!-- <base /> gatewatch -->", "<!-- é\U0001f600 -->"])
POLICY = st.sampled_from(
    [
        "<base />",
        "<base/>",
        "<base></base>",
        '<set-header name="x" exists-action="override">\n<value>@(context.Request.Headers["a"] + "<b>")</value></set-header>',
        '<choose><when condition="@(context.Response?.StatusCode > 399 && "</inbound>" != null)"><validate-jwt header-name="A" /></when></choose>',
        '<validate-jwt header-name="A"><audiences /></validate-jwt>',
        '<validate-jwt header-name="A" /><set-variable name="gatewatch-auth-jwt" value="yes" />',
        '<set-body>@{ return "}"; /* </inbound> */ }</set-body>',
        '<set-body>{"é": 1}</set-body>',
        "<validate-client-certificate\n />",
        '<include-fragment fragment-id="mine" />',
        '<set-variable name="b" value=\'@("c")\' />',
        '<set-variable name="d" value="@(&quot;)&quot; &amp; \'e\')" />',
    ]
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    def section(name: str) -> str:
        if draw(st.integers(0, 3)) == 0:
            return draw(st.sampled_from([f"<{name}/>", f"<{name} />", f"<{name}\n/>"]))
        inside = draw(st.lists(st.one_of(SPACE, COMMENT, POLICY), max_size=6))
        return f"<{name}>{''.join(inside)}</{name}>"

    names = ["inbound", "backend", "outbound"] + (["on-error"] if draw(st.booleans()) else [])
    names = draw(st.permutations(names)) if draw(st.booleans()) else names
    parts = [draw(st.sampled_from(["", "\ufeff"])), draw(SPACE), "<policies>"]
    for name in names:
        parts += [draw(SPACE), draw(st.one_of(COMMENT, st.just(""))), draw(SPACE), section(name)]
    return "".join([*parts, draw(SPACE), "</policies>", draw(SPACE)])


@settings(max_examples=150, deadline=None)
@given(documents())
def test_out_is_the_inverse_of_in(text: str) -> None:
    put = watch(text)
    assert unwatch(put) == text
    assert watch(put) == put
    assert is_watched(put)
    assert not is_watched(text)
    sections = {section.tag: section for section in parse(put).children}
    assert sections["inbound"].children[0].attributes == {"fragment-id": "gatewatch-capture"}
    assert sections["outbound"].children[-1].attributes == {"fragment-id": "gatewatch-emit"}
    assert [child.attributes for child in sections["on-error"].children[:2]] == [
        {"fragment-id": "gatewatch-capture"},
        {"fragment-id": "gatewatch-emit"},
    ]


@settings(max_examples=60, deadline=None)
@given(documents())
def test_out_is_the_inverse_of_in_for_the_global_policy(text: str) -> None:
    put = watch_unmatched(text)
    assert unwatch_unmatched(put) == text
    assert watch_unmatched(put) == put


@settings(max_examples=120, deadline=None)
@given(documents(), st.data())
def test_a_damaged_document_is_refused_or_restored(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    damaged = (
        text[:at] + data.draw(st.sampled_from(["<", ">", '"', "'", "@(", "}", "-->", "&", ""])) + text[at + data.draw(st.integers(0, 3)) :]
    )
    try:
        put = watch(damaged)
    except PolicyNotUnderstood:
        return
    assert unwatch(put) == damaged


# ---- the guard, by choice


@pytest.mark.parametrize(
    "before", [USUAL, None, USUAL.replace("    ", "\t").replace("\n", "\r\n"), "<policies><inbound /><outbound /></policies>"]
)
def test_the_guard_comes_and_goes_byte_for_byte(before: str | None) -> None:
    plain, guarded = watch(before), watch(before, guard=True)
    assert (is_guarded(plain), is_guarded(guarded)) == (False, True)
    assert guarded.index(CAPTURE) < guarded.index(GUARD) < guarded.index("</inbound>")
    assert watch(guarded) == guarded  # left as it is, where nobody says
    assert watch(plain, guard=True) == guarded
    assert watch(guarded, guard=False) == plain
    assert unwatch(guarded) == before


def test_a_new_policy_with_the_guard() -> None:
    assert watch(None, guard=True) == NEW_GUARDED_POLICY
    assert watch(NEW_GUARDED_POLICY) == NEW_GUARDED_POLICY
    assert unwatch(NEW_GUARDED_POLICY) is None


@pytest.mark.parametrize(
    "text",
    [
        WATCHED.replace(CAPTURE, GUARD, 1),
        WATCHED.replace(CAPTURE, GUARD + CAPTURE, 1),
        WATCHED.replace(CAPTURE, CAPTURE + GUARD + GUARD, 1),
        WATCHED.replace("<outbound>", "<outbound>" + GUARD),
    ],
)
def test_a_guard_that_somebody_put_elsewhere_is_left_alone(text: str) -> None:
    with pytest.raises(PolicyNotUnderstood):
        watch(text)
