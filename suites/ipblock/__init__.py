"""Blocks of addresses: with holes, overlapping, in both families, of pods and of the world."""
