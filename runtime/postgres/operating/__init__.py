"""What the operator needs: dead letters and trails."""
