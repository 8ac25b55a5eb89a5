"""Pages of the work's progress."""
