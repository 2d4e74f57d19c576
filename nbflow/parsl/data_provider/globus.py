"""Files by Globus, refused when made."""

from nbflow.compat.staging import GlobusStaging

__all__ = ["GlobusStaging"]
