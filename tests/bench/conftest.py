collect_ignore_glob = ["*.py"]  # run by hand: python -m tests.bench.run
