"""The wiring of one process: settings, components, start-up checks and what runs beside the worker."""
