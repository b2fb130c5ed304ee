"""The applications: each declares what it takes and gives, its steps and its body."""
