"""What makes an object acceptable: pure functions from objects to the fields that are wrong.

One module per kind with rules of its own; `fields` holds the errors and their wording, `names` the
syntax of names and labels, `meta` what is common to all kinds. Paths and wording are the API
server's, so that a message found on the web is the message seen here.
"""
