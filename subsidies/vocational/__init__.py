"""两后生 and vocational graduates: plans with places per institution, trainees, three years of follow-up."""
