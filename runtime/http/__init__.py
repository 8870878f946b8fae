"""Functions behind HTTP: Starlette on uvicorn."""
