"""The list of active calls, whole, from a list that moves while it is read."""
