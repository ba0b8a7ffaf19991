"""Write the pages beside this file anew: ``make diagrams``."""

from pathlib import Path

from replay.diagrams import pages

if __name__ == "__main__":
    for name, text in pages().items():
        (Path(__file__).parent / name).write_text(text, encoding="utf-8")
