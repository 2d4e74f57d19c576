"""Files by FTP, refused when made."""

from nbflow.compat.staging import FTPInTaskStaging, FTPSeparateTaskStaging

__all__ = ["FTPInTaskStaging", "FTPSeparateTaskStaging"]
