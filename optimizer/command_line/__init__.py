"""The command ``hubplan``: answers on standard output, progress and errors on standard error."""
