"""Triggers by kind, for `function_app.py`."""
