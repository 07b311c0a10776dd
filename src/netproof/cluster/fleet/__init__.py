"""The probe pods of a test worker: what they are as objects, and their life in a cluster.

What belongs here: making the objects, waiting until pods run, finding them by their names in the
bundle, putting a container beside one, and removing what a dead run left. It must not know what a
pod's agent is told, nor which policies are in force: those of a case come and go while the fleet
stays.
"""
