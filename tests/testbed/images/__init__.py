"""Images made without a container builder, from the files that the local distributions are made of."""
