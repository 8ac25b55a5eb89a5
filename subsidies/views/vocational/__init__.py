"""Pages of plans, trainees and follow-up."""
