"""The operating system: files written whole or read up to a limit, digests, locks, child processes, forks."""
