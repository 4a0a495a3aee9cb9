"""Where images come from: files, folders, raw frames from a pipe. Classifies nothing."""
