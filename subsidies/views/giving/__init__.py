"""Pages of loans, donations, helpers, points, top-ups and recoveries."""
