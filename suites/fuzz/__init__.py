"""Random policies over the fleet: expected against observed, shrunk where they differ.

`make fuzz-lab` goes on until something is found.
"""
