"""Files in archives, refused when made."""

from nbflow.compat.staging import ZipFileStaging

__all__ = ["ZipFileStaging"]
