"""Where pods run makes no difference: on one node and from node to node."""
