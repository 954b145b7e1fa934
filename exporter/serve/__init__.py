"""Top floor: who may ask, for what, and what is answered: scrapes, probes, the page."""
