"""`deepsc COMMAND`: one file each, with its options beside it and `run`, which returns the exit status."""
