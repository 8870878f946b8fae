"""What an HTTP function says of itself: an OpenAPI document, and a page made of it."""
