"""Files and how they are staged."""
