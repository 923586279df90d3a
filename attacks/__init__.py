"""What one call alone can prove: injections, suspicious user agents, doubled parameters. Pure."""
