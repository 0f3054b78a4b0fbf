"""The workflows: they decide the order of steps and touch no system themselves."""
