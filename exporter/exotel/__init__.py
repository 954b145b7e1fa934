"""The API's client; knows nothing of Prometheus."""
