"""Backfills: windows whose occurrences run again, or for the first time."""
