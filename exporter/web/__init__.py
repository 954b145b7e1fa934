"""What any exporter serves by: strict configuration files, TLS, users. Imports nothing else of this one."""
