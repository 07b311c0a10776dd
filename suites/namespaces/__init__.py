"""Namespaces as borders: one for itself, one for some, one for everybody."""
