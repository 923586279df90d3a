"""The laptop stack: everything Gatewatch needs from Azure, on one machine."""
