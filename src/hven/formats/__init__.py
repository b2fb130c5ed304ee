"""Files and headers on one side, what kernels take on the other."""
