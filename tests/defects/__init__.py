"""Deliberately broken dataplanes must be caught, each by some case of the suites."""
