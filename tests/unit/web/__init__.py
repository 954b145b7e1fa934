"""The toolkit: TLS, users, limits on connections, in the format of Prometheus's exporter-toolkit."""
