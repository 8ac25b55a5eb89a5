"""Plans, trainees and follow-up of 两后生 and vocational graduates."""
