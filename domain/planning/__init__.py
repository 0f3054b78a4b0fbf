"""Plans a change: which lines, seats and travellers it adds, replaces or removes, before anything is written."""
