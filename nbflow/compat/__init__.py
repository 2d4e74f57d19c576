"""Descriptions as Parsl's programs spell them: executors, providers, launchers, monitoring.

Those that have a meaning on one machine are nbflow's own with Parsl's fields; those that describe what there is none of
here (blocks of nodes) are inert; those that cannot work here (clusters, remote services) are refused when made, with a
text that says what to do instead. Programs import them from `nbflow.parsl`.
"""
