"""Doubles of systems that cannot be had here, built from what their owners have published: for tests, training and the
demonstration. What is not public is a choice of ours, and said so where it is made.
"""
