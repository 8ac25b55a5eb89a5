"""What children get besides their entitlements, and what they borrow: loans, donations, helpers, points, top-ups."""
