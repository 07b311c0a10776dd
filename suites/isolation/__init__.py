"""A policy isolates the pods it selects, in the directions it names, and nobody else."""
