"""What may go wrong with a deployment."""


class DeploymentFailed(Exception):  # noqa: N818 - an outcome that the command line reports
    """The stack is not as it should be; the message says why."""
