"""The device matrix: the installed wheel on the boards' own userlands, and whether it answers there as on x86-64."""
