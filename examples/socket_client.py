"""Ask the socket service of a board (docs/deployment.md) for the garment on each picture.
Run: python examples/socket_client.py /run/fmnist-classify.socket shirt.jpg
"""

import json
import socket
import sys

from fmnist_runtime import read_images


def main() -> None:
    """Send each image as a frame of 784 bytes, and print the answer, which is one JSON line."""
    address, *files = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        answers = connection.makefile("r", encoding="utf-8")
        for file in files:
            for image in read_images(file):
                connection.sendall(image.pixels.tobytes())
                answer = json.loads(answers.readline())
                print(f"{file}: {answer['label']} {answer['score']:.1%}")


if __name__ == "__main__":
    main()
