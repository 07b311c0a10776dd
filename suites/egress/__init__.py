"""The forgotten direction: what may leave, what that does to names, and the world outside."""
