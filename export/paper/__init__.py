"""Training as the paper describes it, for what `deepsc bench` compares."""
