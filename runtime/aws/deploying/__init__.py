"""Deploy the system to AWS: zips to a bucket, a template to a stack, by a change set."""
