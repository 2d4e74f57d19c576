"""SPEAKS. The messages between client, scheduler and workers, and the frames that carry them.

No decision and no user's value lives here: a message carries numbers, short texts and opaque bytes.
"""
