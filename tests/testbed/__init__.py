"""A real Kubernetes on this machine, from packages: test equipment, see README.md.

`ControlPlane` is etcd and the API server alone: seconds to start, no root. `Testbed` is a whole node.
"""
