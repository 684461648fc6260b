"""Large problems by prices. `engine.solve` is the way in.

Plain ones (`supported.smooth`) by a smoothed Lagrangian dual and local search; all others by restricted masters
(`masters`), and small ones case by case (`tree`). Only options of nearly the same price are written out as columns.
"""
