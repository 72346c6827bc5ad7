"""Stand-ins for Pulumi's Kubernetes and random provider plugins, for machines that cannot download them.

Test equipment: the tests put `bin/` on PATH where the real plugins are missing, and the engine finds
them there as it would the real ones. Type tokens, states and refusals are the real provider's; what
the program does not use is left out (charts, YAML files, Patch and List resources, client-side apply).

Those that previews use, which reach neither a cluster nor a cloud, are in infra/plugins/standin/.
"""
