"""Stand-ins for provider plugins, for previews on machines that cannot have the real ones.

A stand-in returns what the program gives and reaches neither a cloud nor a cluster. It starts for `pulumi
preview` alone, and refuses to create, read, update or delete anything.
"""
