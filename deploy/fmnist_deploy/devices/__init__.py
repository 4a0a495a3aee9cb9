"""The device matrix: the installed wheel on the boards' own userlands, compared with x86-64."""
