"""The pool executor."""

from nbflow.concurrent import NbflowPoolExecutor as ParslPoolExecutor

__all__ = ["ParslPoolExecutor"]
