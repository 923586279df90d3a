"""What is done about a caller at the gateway: the list that its guard reads, whom an action would hit, and what is refused. Pure."""
