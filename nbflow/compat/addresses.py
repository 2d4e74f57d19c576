"""Addresses of this machine, as Parsl's configurations ask for them.

Workers are reached through a Unix socket, so that an address means nothing here: all of these give that of the machine
to itself, and none of them asks the network.
"""

from __future__ import annotations

_HERE = "127.0.0.1"


def address_by_hostname() -> str:
    """127.0.0.1"""
    return _HERE


def address_by_interface(ifname: str) -> str:
    """127.0.0.1, whatever the interface."""
    return _HERE


def address_by_query(timeout: float = 30) -> str:
    """127.0.0.1; nobody is asked."""
    return _HERE


def address_by_route() -> str:
    """127.0.0.1"""
    return _HERE


def get_all_addresses() -> set[str]:
    """127.0.0.1 alone."""
    return {_HERE}


def get_any_address() -> str:
    """127.0.0.1"""
    return _HERE
