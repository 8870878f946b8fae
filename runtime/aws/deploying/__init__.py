"""The system on AWS: zips into a bucket, a template into a stack, by a change set."""
