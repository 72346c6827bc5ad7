"""Getting and driving the Pulumi engine: what `make up` does for those who have nothing.

A user with the official Pulumi CLI needs none of this: `Pulumi.yaml`, the stack files and the
program stand alone. Where a compatible `pulumi` with its own language host is on PATH it is used,
and where a backend is logged in that is used; only what is missing is supplied from here.
"""
