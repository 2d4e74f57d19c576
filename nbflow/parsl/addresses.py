"""Addresses of this machine, which mean nothing here."""

from nbflow.compat.addresses import (
    address_by_hostname,
    address_by_interface,
    address_by_query,
    address_by_route,
    get_all_addresses,
    get_any_address,
)

__all__ = [
    "address_by_hostname",
    "address_by_interface",
    "address_by_query",
    "address_by_route",
    "get_all_addresses",
    "get_any_address",
]
