"""Fuzzing the policy editor: a policy is refused, or what is put in comes out again and leaves every byte as it was."""

import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["tools.policy_edit", "posture.policy_text"]):
    from posture.policy_text import PolicyNotUnderstood
    from tools.policy_edit import NEW_GUARDED_POLICY, NEW_POLICY, is_guarded, is_watched, unwatch, unwatch_unmatched, watch, watch_unmatched
from tests.fuzz.runner import run

USUAL = """<!-- <inbound> --><policies>
    <inbound><base /><set-variable name="a" value="@(context.Request.Headers.GetValueOrDefault("x","<y>"))" />
        <validate-jwt header-name="Authorization"><openid-config url="https://login.example/" /></validate-jwt></inbound>
    <backend><base /></backend>
    <outbound />
    <on-error>
        <base />
        <choose><when condition="@{ return true; }"><return-response /></when></choose>
    </on-error>
</policies>"""
SEEDS = [text.encode() for text in (USUAL, NEW_POLICY, NEW_GUARDED_POLICY, watch(NEW_POLICY), watch_unmatched(USUAL), "<policies/>")]


def one_input(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    text = data.decode("utf-8", "replace") if provider.ConsumeBool() else provider.ConsumeUnicode(len(data))
    for put, take in ((watch, unwatch), (lambda text: watch(text, guard=True), unwatch), (watch_unmatched, unwatch_unmatched)):
        try:
            bare = take(text)
            inserted = put(bare) if bare is not None else None
        except PolicyNotUnderstood:
            return
        if inserted is None:  # the whole policy was ours
            continue
        assert take(inserted) == bare, "what was put in does not come out"
        assert put(inserted) == inserted, "a repeat changes something"
        if take is unwatch:
            assert is_watched(inserted)
            assert is_guarded(inserted) == (put is not watch)


if __name__ == "__main__":
    run("policy-edit", one_input, SEEDS)
