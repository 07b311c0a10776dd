"""Records as text, for people and for machines: pure functions, same record, same bytes.

`run` turns the record of a run into text, `review` what a look at a bundle found, `sarif` either of
them; `text` is what all of them do with text, and `writers` names the reports of a run that become
files. Who prints or writes a text is not known here, nor how a verdict comes about.
"""
