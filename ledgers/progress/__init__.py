"""教育扶贫工作推进: tasks, monthly progress, indicators against targets, 约谈."""
