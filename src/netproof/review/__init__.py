"""What a bundle means, and whether that is what its people mean, without a packet.

What belongs here: the flows of a mirrored bundle and what its policies say of them, intents and
how they are judged, snapshots and their differences, explanations, hints and mutations. Values
in, values out: files are read by `policy`, packets are sent by `run`, text is made by `report`.
"""
