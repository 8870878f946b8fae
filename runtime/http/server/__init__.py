"""All code that knows Starlette and uvicorn."""
