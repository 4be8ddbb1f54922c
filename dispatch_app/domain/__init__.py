"""The ground floor: what a task, a schedule and a run are. Pure: time and chance are arguments."""
