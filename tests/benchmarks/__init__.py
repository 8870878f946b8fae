"""The performance of the system on this machine: `eps bench` measures it; nothing here can fail."""
