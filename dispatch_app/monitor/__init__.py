"""Looking: figures and health, read from the store."""
