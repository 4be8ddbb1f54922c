"""Schedules: a preview of them."""
