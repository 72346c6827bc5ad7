"""The figures of `make bench`: ratios of what is measured in one run, so that machines compare."""
