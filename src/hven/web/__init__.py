"""What all doors of the service share: who asks, tokens, files as answers."""
