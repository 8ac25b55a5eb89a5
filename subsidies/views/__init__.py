"""Pages of policies, runs and entitlements."""
