"""What the form that runs an application is made of."""
