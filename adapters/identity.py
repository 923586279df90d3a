"""The app's own identity, for every client that has no connection string."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential


@cache
def credential(client_id: str | None) -> "DefaultAzureCredential":
    from azure.identity import DefaultAzureCredential  # 0.2 s of import that a laptop never needs

    return DefaultAzureCredential(managed_identity_client_id=client_id) if client_id else DefaultAzureCredential()
