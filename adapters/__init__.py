"""All input and output: the only importers of azure.* beside function_app."""
