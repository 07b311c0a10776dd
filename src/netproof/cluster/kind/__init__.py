"""A cluster that kind makes: with the CNI of a profile, and gone when the run is.

What belongs here: what the machine must offer (`machine`), the programs that are run (`programs`)
and what they are asked (`commands`), kind's config, downloads and their checksums, the installation
of the CNI and the wait until it is up. It must not know what a run does on the cluster, and it asks
the cluster only through kubectl, which comes before there is anything to connect to.
"""
