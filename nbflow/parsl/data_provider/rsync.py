"""Files by rsync, refused when made."""

from nbflow.compat.staging import RSyncStaging

__all__ = ["RSyncStaging"]
