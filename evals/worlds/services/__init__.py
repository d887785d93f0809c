"""Service worlds: a served model, in trouble or not, of which every action's cost is known as every one is tried.

Each episode has a hidden cause, or two (`incidents`), in a service; `catalogue` lists profiles of services, shapes of
incidents and the frozen list of episodes. `physics` says how the service answers at any time after any deed, `report`
what its telemetry tells at the moment of the look, `rollout` what each deed costs from there on, with the same luck for
all. Truth is that cost; no rule on telemetry takes part in it.
"""
