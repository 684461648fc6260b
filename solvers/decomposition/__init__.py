"""Large problems by prices: a smoothed Lagrangian dual, a bound from its prices, and local search from them.

`engine.solve` is the way in. The problem stays factored throughout: nothing here forms demands x routes x periods.
"""
