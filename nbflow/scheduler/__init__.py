"""HOSTS. The process between the user's and the workers: turns messages into events and carries out instructions.

Imported by nobody: started by module name. It never unpickles or runs anything of the user's, so nothing of the
user's can break it.
"""
