"""The page of documentation."""
