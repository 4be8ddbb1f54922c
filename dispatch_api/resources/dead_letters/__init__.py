"""Dead letters: runs that have failed for good and wait for a person."""
