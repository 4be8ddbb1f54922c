"""What can be scheduled."""
