"""At the limits of what the API takes: long names, many of everything, and texts that are alike."""
