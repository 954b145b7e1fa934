"""The dashboards: Python that generates the JSON which Grafana is provisioned with."""

import warnings

# The SDK prefers the second schema, which Grafana 11 and older can't be provisioned with.
warnings.filterwarnings("ignore", message="Prefer using dashboardv2", category=DeprecationWarning)
