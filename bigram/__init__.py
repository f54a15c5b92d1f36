"""The workshop: what holds the two models against each other, and the command line."""
