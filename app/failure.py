"""What the commands end with when something went wrong: sentences for a person, no traceback."""


class CallFailed(Exception):
    """A call that was refused or went wrong: one sentence, and a line for each field at fault."""

    def __init__(self, sentence: str, lines: tuple[str, ...] = (), status: int | None = None) -> None:
        self.sentence = sentence
        self.lines = lines
        self.status = status
        super().__init__("\n".join([sentence, *(f"  {line}" for line in lines)]))


class CannotServe(Exception):
    """The server cannot start; the message says why and what to do."""
