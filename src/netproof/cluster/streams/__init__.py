"""Ways into a running pod through the API server: exec, attach, port-forward, proxied HTTP.

What belongs here: a connection to the API server that ends in a pod, from the name of a Pod,
Service or Deployment to the WebSocket beneath it. It is given a pod's name and bytes. It must not
know whose pod that is, nor what the bytes mean.
"""
