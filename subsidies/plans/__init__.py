"""一户一策 of poor households, and children who study away from home."""
