"""Policies see pods, not Services: by ClusterIP, by name, headless, and by node ports."""
