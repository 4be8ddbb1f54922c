"""History: one execution each."""
