"""Configurations that are ready to load."""
