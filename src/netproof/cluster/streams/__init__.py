"""Ways into a running pod through the API server: exec, attach, proxy.

What belongs here: a connection to the API server that ends in a pod, and the WebSocket beneath it
(`frames`, `channels`, `upgrade`). It is given a pod's name and bytes. It must not know whose pod
that is, nor what the bytes mean.
"""
