"""What objects are: their kinds and fields, defaults, rules, merging, and the store.

Here belongs what is true of an object whoever asks for it. `kinds` and `structs` say what there is,
`registry` is what every write goes through (decoding, admission, defaults, rules), `store` holds
what was written and tells of it. `kindrules` says which rules hold for which kind; the rules are
pure functions from objects to the fields that are wrong (`fielderrors`), with the API server's
paths and wording, so that a message found on the web is the message seen here. What does not belong
here: who asks, HTTP, and anything that acts on an object because it is there.
"""
