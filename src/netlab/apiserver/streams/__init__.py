"""Connections that live long: exec, attach and port-forward, over WebSocket and over SPDY.

`exec` and `portforward` say what happens between a client and a pod, whatever carries it;
`websockets` and `spdy_session` carry it; `spdy` turns bytes into frames and knows no connection.
"""
