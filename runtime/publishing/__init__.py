"""The publisher of test events: one process makes the bodies, a loop sends them."""
