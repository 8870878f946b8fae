"""What the system can do on this machine: `eps bench` measures it, nothing here can fail."""
