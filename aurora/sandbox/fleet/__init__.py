"""The living part of the pretend world: services that run tick by tick, suffer incidents, and report by HTTP."""
