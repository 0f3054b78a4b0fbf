"""In which order steps run, and nothing else."""
