"""Speed as ratios, each against a floor or a bare tool measured in the same run.

Machines differ and are noisy; what netproof adds to the bare minimum is what can be kept in view.
`python -m benchmarks` runs all of them on a lab of their own and writes `reports/bench.json`.
"""
