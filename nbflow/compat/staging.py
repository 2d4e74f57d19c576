"""Parsl's ways to bring files from other machines and out of archives that are not there yet: refused when made."""

from __future__ import annotations

from typing import ClassVar

from nbflow.compat.providers import Refused


class _Elsewhere(Refused):
    why: ClassVar[str] = "brings files in a way that nbflow has not"
    instead: ClassVar[str] = (
        "files are known by their paths or fetched by http(s), or by an nbflow.staging.Staging of your own"
    )


class FTPInTaskStaging(_Elsewhere):
    """Parsl's way to fetch files by FTP: refused."""


class FTPSeparateTaskStaging(_Elsewhere):
    """Parsl's way to fetch files by FTP, in a task of its own: refused."""


class GlobusStaging(_Elsewhere):
    """Parsl's way to move files by Globus: refused."""


class RSyncStaging(_Elsewhere):
    """Parsl's way to move files by rsync: refused."""


class ZipFileStaging(_Elsewhere):
    """Parsl's way to read files out of archives and write them there: refused."""
