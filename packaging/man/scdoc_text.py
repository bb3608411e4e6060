"""Text as scdoc(5) wants it."""
import re


def escape(text):
    """So that nothing in it is markup; `x` becomes bold."""
    text = re.sub(r"([\\_*#\[\]|])", r"\\\1", text)
    return re.sub(r"`([^`]+)`", r"*\1*", text)


def bold(text):
    return f"*{escape(text)}*"


def underlined(text):
    return f"_{escape(text)}_"
