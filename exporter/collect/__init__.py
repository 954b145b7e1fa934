"""From what the API said to what is true of an account."""
