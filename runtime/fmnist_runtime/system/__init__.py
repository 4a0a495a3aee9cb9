"""The operating system: files written whole, read up to a limit, locks, child processes."""
