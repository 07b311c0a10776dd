"""Who is let in: pods by label, namespaces by label, and both in one entry or in two."""
