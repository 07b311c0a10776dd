"""Controllers: each watches one kind of object in the store and makes it come true.

A controller knows the store and one effect (processes, rules, DNS answers, other objects); they
meet in the store. A pod's life has several modules: `pods` begins and ends it, `kubelet` is one pod
on its node, `containers` one of its containers, with what they read of its spec (`podspec`), write
of its status (`podstatus`) and ask of it (`probes`). `bootstrap` makes what a cluster begins with.
What does not belong here: HTTP, and how the kernel or nftables are told.
"""
