"""Pages of applications, panels, notices, objections and approvals."""
