"""Kills AURORA at every named crash point, lets a new process go on, and looks for what was lost or done twice."""
