"""The policies of one API Management service, read and written through its management interface."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mgmt.apimanagement import ApiManagementClient
from azure.mgmt.apimanagement.models import ApiContract, PolicyContract

MASKED = "gatewatch-masked-parameters"
"""The named value that lists the parameters whose values the gateway masks."""
ALWAYS_MASKED = "subscription-key"
WRITING_ROLE = "API Management Service Contributor"
READING_ROLE = "API Management Service Reader Role"


class OnboardingError(Exception):
    """Nothing can be done at all; the message is for the user."""


@dataclass(frozen=True)
class Service:
    """One API Management service, through its management interface."""

    client: ApiManagementClient
    resource_group: str
    name: str

    def check(self) -> None:
        """Raises OnboardingError if the service is not there."""
        try:
            self.client.api_management_service.get(self.resource_group, self.name)
        except ResourceNotFoundError as error:
            raise OnboardingError(f"there is no API Management service {self.name} in resource group {self.resource_group}") from error

    def missing_fragments(self, fragments: Sequence[str]) -> list[str]:
        missing = []
        for fragment in fragments:
            try:
                self.client.policy_fragment.get(self.resource_group, self.name, fragment)
            except ResourceNotFoundError:
                missing.append(fragment)
        return missing

    def masked_parameters(self) -> set[str] | None:
        """The names whose values the gateway masks; None if the named value is not there."""
        try:
            value = self.client.named_value.get(self.resource_group, self.name, MASKED).value
        except ResourceNotFoundError:
            return None
        return {ALWAYS_MASKED, *(name for name in re.split("[,; ]+", (value or "").lower()) if name)}

    def apis(self) -> list[ApiContract]:
        """Every API's current revision."""
        return [api for api in self.client.api.list_by_service(self.resource_group, self.name) if api.is_current is not False]

    def apis_of(self, product: str) -> set[str]:
        """The ids of a product's APIs. Raises OnboardingError for a product that is not there."""
        try:
            return {api.name or "" for api in self.client.product_api.list_by_product(self.resource_group, self.name, product)}
        except ResourceNotFoundError as error:
            raise OnboardingError(f"there is no product {product} in {self.name}") from error

    def policy(self, api: str | None) -> tuple[str | None, str | None]:
        """The text and ETag of an API's policy, or of the global one; (None, None) if there is none."""

        tags: list[str | None] = []

        def tagged(_response: Any, policy: PolicyContract, headers: dict[str, str]) -> PolicyContract:
            tags.append(headers.get("ETag"))
            return policy

        try:
            if api is None:
                found = self.client.policy.get(self.resource_group, self.name, "policy", format="rawxml", cls=tagged)
            else:
                found = self.client.api_policy.get(self.resource_group, self.name, api, "policy", format="rawxml", cls=tagged)
        except ResourceNotFoundError:
            return None, None
        text, etag = found.value, tags[0]
        if text is not None and not etag:
            raise OnboardingError("the service gave a policy without an ETag: an edit could overwrite someone else's")
        return text, etag

    def write(self, api: str | None, text: str | None, etag: str | None) -> None:
        """Put a policy, or delete it (text None), if it is still the version that `etag` names (None: still not there)."""
        if text is None:
            assert api is not None
            assert etag is not None
            self.client.api_policy.delete(self.resource_group, self.name, api, "policy", if_match=etag)
            return
        contract = PolicyContract(value=text, format="rawxml")
        if api is None:
            self.client.policy.create_or_update(self.resource_group, self.name, "policy", contract, if_match=etag)
        else:
            self.client.api_policy.create_or_update(self.resource_group, self.name, api, "policy", contract, if_match=etag)

    def operation_policies(self, api: str) -> Iterator[tuple[str, str]]:
        """(operation id, policy text) of each operation that has a policy of its own."""
        for operation in self.client.api_operation.list_by_api(self.resource_group, self.name, api):
            identifier = operation.name or ""
            try:
                policy = self.client.api_operation_policy.get(self.resource_group, self.name, api, identifier, "policy", format="rawxml")
            except ResourceNotFoundError:
                continue
            if policy.value:
                yield identifier, policy.value


def explain(error: AzureError) -> str:
    """An error of the management interface in words that say what to do."""
    if isinstance(error, ClientAuthenticationError):
        return "not signed in, or not for this directory: run `az login` (or give the identity credentials) and try again"
    if isinstance(error, HttpResponseError):
        said = " ".join(((error.error.message if error.error is not None else None) or error.message or "").split())[:400]
        if error.status_code == 403:
            return f"no permission. Reading needs the role {READING_ROLE}, apply and remove need {WRITING_ROLE}. The service says: {said}"
        if error.status_code == 412:
            return "someone changed this policy after it was read; nothing was written. Look at it and run the command again"
        if error.status_code == 404:
            return f"not found. The service says: {said}"
        return f"the service answered {error.status_code}: {said}"
    return f"the service cannot be reached: {' '.join(str(error).split())[:400]}"
