"""What runs in a peer's own process: how each peer is called, the workloads, and the loop that answers questions.

Only the standard library is imported here, and NumPy where arrays are the subject: a peer's environment has nothing
else of ours.
"""
