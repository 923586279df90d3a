"""A small Azure Functions host for one machine: runs an unmodified Python v2 app as the real host and worker would."""
