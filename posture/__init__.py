"""Endpoint inventory, usage and assessments: configuration and counts in, recommendations out; pure."""
