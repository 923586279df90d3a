"""Which information types a text carries, and where: one family of types a file, found by discovery; text in, names out."""
