"""The provider plugins (`pulumi-resource-aws` and its like) that a stack needs, and where they come from.

`python -m infra.plugins` lists them. `make preview` uses those that are installed, downloads the others, and
has a stand-in take the place of each that cannot be had. No other command uses a stand-in.
"""
