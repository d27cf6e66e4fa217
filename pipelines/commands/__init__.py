"""One file a command of `pgfold`: each has `run(asked, settings)`, which gives the exit status."""
