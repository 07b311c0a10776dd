"""What is declared of a CNI: values, and their reading from `kind-configs/`.

What belongs here: how a CNI is installed, what it can do, and what it is documented not to do
(`gaps`). A profile is good for any cluster with that CNI, so this knows nothing of the
programs that install it, of the Kubernetes client or of a run, and reads no more than its files.
"""
