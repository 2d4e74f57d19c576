"""Scripts behind the Makefile. Nothing here is installed, and nothing in nbflow/ imports it."""
