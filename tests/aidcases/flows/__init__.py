"""The flow matrix: what may go where by whom, and how to make a row of every state."""
