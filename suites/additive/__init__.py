"""Policies only add up: no order, no priority, no way to take back what another allows."""
