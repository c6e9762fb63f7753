"""Questions of the host's that take their time: calls of which no program is run."""

from .output import Call


class Question(Call):
    def answer(self, message: str) -> None:
        """Ends it; what was to be sent has been sent."""
        self.finish(0, "exited", message, lambda: None)

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        if not self.ending:
            self.finish(130, "killed", "cancelled", lambda: None)

    def abandon(self) -> None:
        super().abandon()
        self.cancel()
