"""Pages of 一户一策 and of children who study elsewhere."""
