"""Port-forward, as `kubectl port-forward` does it.

What belongs here: from the name of a Pod, Service or Deployment to a pod (`target`), one connection
into it (`connection`), a local address that leads there (`listener`), and the three together
(`portforward`). The WebSocket is that of `streams`; what is said over it is the caller's.
"""
