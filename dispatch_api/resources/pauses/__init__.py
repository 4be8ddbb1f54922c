"""Pauses: everything, a queue or a type that is stopped."""
