"""What becomes of findings: grouping, severity, suppression, triage, rendering, exports. Pure."""
