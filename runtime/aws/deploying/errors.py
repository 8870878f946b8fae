"""Errors of a deployment."""


class DeploymentFailed(Exception):
    """The deployment failed; the message says why."""
