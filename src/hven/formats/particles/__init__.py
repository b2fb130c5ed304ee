"""Files of particles or galaxies: what they hold, found by content, read chunk by chunk."""
