"""The configuration of Prometheus and Grafana, against the code and a real Prometheus."""
