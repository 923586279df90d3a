"""What onboarding makes of each policy: looked at, shown, and written where that is wanted."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from azure.core.exceptions import AzureError, HttpResponseError
from azure.mgmt.apimanagement.models import ApiContract

from posture.policy_text import PolicyNotUnderstood
from tools import policy_edit
from tools.gateway_policies import MASKED, OnboardingError, Service, explain

GLOBAL = "(all APIs)"
"""How the global policy is named in output."""


@dataclass(frozen=True)
class Wanted:
    """What is to become of which APIs. `command`: plan, apply or remove; `guard`: None leaves it as it is."""

    command: str
    apis: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    every: bool = False
    unmatched: bool = False
    guard: bool | None = None
    yes: bool = False
    skip_operations: bool = False


@dataclass
class Result:
    """What became, or would become, of one policy.

    action: `add`, `update`, `remove`, `none` (as it should be already), `skip` (cannot be watched), `refuse` (not understood, or changed
    meanwhile), `fail` (the service said no). `problem` says why for the last three. `written`: the service has it.
    """

    id: str
    name: str
    action: str
    written: bool = False
    diff: str = ""
    notes: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def is_bad(self) -> bool:
        return self.action in ("refuse", "fail")


def _diff(name: str, before: str | None, after: str | None) -> str:
    lines = difflib.unified_diff((before or "").splitlines(), (after or "").splitlines(), f"{name} (now)", f"{name} (then)", lineterm="")
    return "\n".join(lines)


def _change(command: str, api: str | None, text: str | None, guard: bool | None) -> str | None:
    """The policy after the command. Raises PolicyNotUnderstood."""
    if api is None:
        if text is None:
            raise PolicyNotUnderstood(
                "there is no global policy: without <forward-request /> a new one would stop every API, so none is made"
            )
        return policy_edit.watch_unmatched(text) if command != "remove" else policy_edit.unwatch_unmatched(text)
    if command != "remove":
        return policy_edit.watch(text, guard=guard)
    return None if text is None else policy_edit.unwatch(text)


def _action(command: str, api: str | None, before: str | None, after: str | None) -> str:
    if before == after:
        return "none"
    if command == "remove":
        return "remove"
    watched = before is not None and (policy_edit.is_watched(before) if api else policy_edit.unwatch_unmatched(before) != before)
    return "update" if watched else "add"


def _notes(service: Service, api: ApiContract, after: str | None, masked: set[str] | None, *, operations: bool) -> list[str]:
    notes = []
    names = api.subscription_key_parameter_names
    query = (names.query or "").lower() if names is not None else ""
    if query and masked is not None and query not in masked:
        notes.append(
            f"its subscription key may come in the query as {query}: add that name to the named value {MASKED}, or keys leave the gateway"
        )
    if after is not None:
        ends = policy_edit.answers_itself(after)
        if ends:
            notes.append(f"calls that {' or '.join(ends)} answers before outbound ends are not seen")
    if not operations:
        return notes
    for identifier, text in service.operation_policies(api.name or ""):
        try:
            bare = policy_edit.sections_without_base(text)
        except PolicyNotUnderstood as why:
            notes.append(f"operation {identifier}: its policy is not understood ({why})")
            continue
        if bare:
            notes.append(
                f"operation {identifier}: no <base /> in {', '.join(bare)}, so what the API's policy does there is skipped: its calls are not seen whole"
            )
    return notes


def onboard(service: Service, wanted: Wanted, api: ApiContract | None, masked: set[str] | None) -> Result:
    identifier = (api.name or "") if api is not None else None
    result = Result(identifier or GLOBAL, (api.display_name or "" if api is not None else "global policy"), "none")
    if api is not None and api.api_type == "websocket" and wanted.command != "remove":
        result.action, result.problem = "skip", "a WebSocket API has policies for its handshake only"
        return result
    try:
        before, etag = service.policy(identifier)
        after = _change(wanted.command, identifier, before, wanted.guard)
        result.action = _action(wanted.command, identifier, before, after)
        result.diff = _diff(result.id, before, after)
        if api is not None and wanted.command != "remove":
            result.notes = _notes(service, api, after, masked, operations=not wanted.skip_operations)
        if result.action != "none" and wanted.command != "plan" and wanted.yes:
            service.write(identifier, after, etag)
            result.written = True
            stored, _ = service.policy(identifier)
            if stored != after:
                result.notes.append(
                    "the service stores the policy with other white space than was sent: remove will not give back every byte"
                )
    except PolicyNotUnderstood as why:
        result.action, result.problem = "refuse", f"policy not understood: {why}"
    except OnboardingError as why:
        result.action, result.problem = "refuse", str(why)
    except AzureError as error:
        result.problem = explain(error)
        result.action = "refuse" if isinstance(error, HttpResponseError) and error.status_code == 412 else "fail"
    return result


def chosen(service: Service, wanted: Wanted) -> list[ApiContract]:
    """The APIs that the command line names, in the service's order. Raises OnboardingError for one that is not there."""
    if not (wanted.every or wanted.apis or wanted.products):
        return []
    apis = service.apis()
    named = set(wanted.apis)
    unknown = named - {api.name for api in apis}
    if unknown:
        raise OnboardingError(f"there is no API {', '.join(sorted(unknown))} (current revision) in {service.name}")
    for product in wanted.products:
        named |= service.apis_of(product)
    return [api for api in apis if wanted.every or api.name in named]
