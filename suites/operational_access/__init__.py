"""Ways around policies: each door tried on a pod that nobody may reach, and who holds its key."""
