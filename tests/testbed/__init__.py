"""A real Kubernetes on this machine, built from packages. It is test equipment: see README.md.

`ControlPlane` is etcd and the API server alone, which start in seconds and need no root. `Testbed` is a whole
node.
"""
