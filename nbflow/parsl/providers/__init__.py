"""Providers: the local one is inert, the others are refused when made."""

from nbflow.compat.providers import (
    AWSProvider,
    AzureProvider,
    CondorProvider,
    GoogleCloudProvider,
    GridEngineProvider,
    KubernetesProvider,
    LocalProvider,
    LSFProvider,
    PBSProProvider,
    SlurmProvider,
    TorqueProvider,
)

__all__ = [
    "AWSProvider",
    "AzureProvider",
    "CondorProvider",
    "GoogleCloudProvider",
    "GridEngineProvider",
    "KubernetesProvider",
    "LSFProvider",
    "LocalProvider",
    "PBSProProvider",
    "SlurmProvider",
    "TorqueProvider",
]
