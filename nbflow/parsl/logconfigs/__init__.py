"""Log configurations."""
