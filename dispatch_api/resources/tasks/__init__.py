"""Definitions: what to run, when and how."""
