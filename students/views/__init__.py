"""Pages of students, households, schools and imports."""
