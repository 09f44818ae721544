"""What bench/run, bench/budget are made of."""
