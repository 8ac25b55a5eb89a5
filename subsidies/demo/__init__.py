"""The demo's casework: a school year of applications, panels, notices and approvals on their ordinary way."""
