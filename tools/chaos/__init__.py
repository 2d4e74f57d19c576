"""A flow under attack: random graphs, tasks that harm their workers, kills from outside; and is every value right?

    graph   what is to be computed, from a seed, and what must come of it
    apps    the tasks, and the harm that they do
    attack  what is done to a running flow from outside
    rounds  a round: a graph, a flow, an attack; and what came of it

`python -m tools.chaos --seconds 120 --seed 7`. Not a test of speed.
"""
