"""The wiring of one process: settings, components, start-up checks and background tasks."""
