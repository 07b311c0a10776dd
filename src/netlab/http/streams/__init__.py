"""Connections that live long: exec, attach and port-forward, over WebSocket and over SPDY.

`remotecommand` and `portforwarding` say what happens between a client and a pod; `websockets` and
`spdysession` carry it; `spdyframes` turns bytes into frames and knows no connection. `podtargets`
reads what a request is about, container logs included; `front` is the first thing on each
connection. What does not belong here: who may open a stream.
"""
