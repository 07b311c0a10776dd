"""Does a machine that is too busy make netproof lie? Runs of their own: they take its CPUs away."""
