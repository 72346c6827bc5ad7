"""Makes container images without a container builder, from the files of the local distributions."""
