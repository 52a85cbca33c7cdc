"""A million random inputs for each decoder: `make fuzz`, or `python -m tests.fuzz NAME --count N`.

A file for each kind of input. Its `one(random)` makes an input, looks at what comes of it, and returns a
word for the count; whatever it raises is a finding. Its `check…` functions are what hypothesis runs in CI.
"""
