"""The figures of `make bench`. Each is a ratio of two measurements of the same run, so that machines can be
compared."""
