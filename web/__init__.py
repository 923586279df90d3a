"""HTTP handlers: a request's parameters in, a status and a body out."""
