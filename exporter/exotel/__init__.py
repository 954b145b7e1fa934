"""Ground floor: talks to Exotel, knows nothing of Prometheus."""
