"""Calendars: times that leave occurrences out, or allow nothing else."""
