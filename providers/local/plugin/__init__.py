"""The Pulumi resource provider `nebula-local`: real servers as supervised processes on this machine."""
