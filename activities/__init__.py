"""Each change to the world together with what takes it back; one file per thing changed."""
