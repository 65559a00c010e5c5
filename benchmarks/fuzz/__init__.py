"""Damaged inputs by the million: whatever comes in, a result or a documented error comes out.

    python -m benchmarks.fuzz [--seconds S] [--inputs N] [--family NAME ...] [--way WAY]

A family (`families`) is a kind of input with what reads it. Its inputs are damaged copies of small
valid files that are made in code: by mutation (`damage`), where a number gives the same input
again, or by atheris, which looks for inputs that reach new lines (`guided`). They are read in a
process of their own (`watch`) that is watched: 5 seconds of a processor and 600 MB at most. What
ends the process, takes longer or more, or is no documented error is a find, and is kept. Counts go
to ``fuzz.csv`` (`record`) after each part of a run, so that a kill loses one part at most.
"""
