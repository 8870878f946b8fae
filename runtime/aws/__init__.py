"""Functions on AWS Lambda: HTTP and SQS in and out, one module an entry point."""
