"""What is told to Prometheus and Grafana, held against the code and a real Prometheus."""
