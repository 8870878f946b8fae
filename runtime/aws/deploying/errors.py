"""What may go wrong with a deployment."""


class DeploymentFailed(Exception):
    """The stack is not as it should be; the message says why."""
