"""Dropout prevention."""
