"""What is at each address: small modules, one for each part of the portal."""
