"""Empty is not missing, and neither is what people take it for."""
