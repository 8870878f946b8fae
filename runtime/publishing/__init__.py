"""The publisher of test events: another process makes the bodies, a loop sends them."""
