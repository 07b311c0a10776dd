"""Whether the rights that `netproof rbac` prints are enough, and what a run says without one."""
