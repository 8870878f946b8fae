"""Starlette and uvicorn: all that knows them."""
