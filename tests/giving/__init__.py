"""Loans, donations, helpers, points, top-ups."""
