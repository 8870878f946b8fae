"""An HTTP function's own documentation: an OpenAPI document, and a page made from it."""
