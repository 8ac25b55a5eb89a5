"""The way of an application: form, panel, notice, objections, county approval; one module per concern."""
