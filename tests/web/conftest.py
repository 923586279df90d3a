"""The same account as the adapters' tests."""

from tests.adapters.conftest import account

__all__ = ["account"]
