"""Whether it is alive, and whether it is ready."""
