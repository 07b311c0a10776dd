"""A cluster that kind makes: with the CNI of a profile, and gone when the run is.

What belongs here: what the machine must offer, the programs that are run and what they are asked
(`tools`, `commands`), kind's config, downloads and their checksums, the installation, and the wait
until the CNI is up. It must not know what a run does on the cluster, and it asks the cluster only
through kubectl, which comes before there is anything to connect to.
"""
