"""Short ways to write a configuration and to say what is wrong with it."""

from pathlib import Path

from service.config import Config, ConfigError, load

LINE = '[[line]]\nnumber = 1\nserver = "192.0.2.1"\nuser = "4212"\npassword = "s"\n'
PHONE = '[[phone]]\nuser = "bedroom"\npassword = "s"\n'


def read(folder: Path, text: str | bytes) -> Config:
    path = folder / "siphotspot.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path)


def wrong(folder: Path, text: str | bytes) -> list[str]:
    """``LINE: KEY: message`` of every problem; nothing where there is none."""
    try:
        read(folder, text)
    except ConfigError as error:
        return [f"{problem.line}: {problem}" for problem in error.problems]
    return []
