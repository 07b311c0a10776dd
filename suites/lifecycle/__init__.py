"""Things change while policies are in force: policies themselves, pods, labels, namespaces."""
