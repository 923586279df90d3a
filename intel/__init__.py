"""Addresses: lists that others publish of them, how they are written, and how texts are kept without them. Pure."""
