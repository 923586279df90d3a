"""Event Hubs on one machine: AMQP 1.0 to the unmodified SDKs, partitions in append-only files."""
