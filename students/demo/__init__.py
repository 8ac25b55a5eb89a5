"""Invented rosters for any county whose townships are known: for the demo, for tests and for benchmarks."""
