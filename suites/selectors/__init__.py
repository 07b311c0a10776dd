"""Label selectors: all operators, on pods, on namespaces, in peers and as the policy's target."""
