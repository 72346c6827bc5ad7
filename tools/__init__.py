"""Tools that measure the repository. The program needs none of them, and they run nothing of it."""
