"""The policies of four published articles as bundles, with intents taken from what they promise."""
