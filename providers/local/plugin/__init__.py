"""The Pulumi resource provider `nebula-local`, which runs servers as supervised processes on this machine."""
