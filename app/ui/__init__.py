"""The pages: a client of the HTTP API and of nothing else, in a process of its own (`python -m app.ui`)."""
