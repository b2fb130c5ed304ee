"""What is answered at each address below `/vo`."""
