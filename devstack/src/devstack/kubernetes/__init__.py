"""`./dev k8s-check`: a real API server without a cluster, and what it says of `k8s/`."""
