"""Everything that is wrong with a source, gathered and told at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from research.records import ResearchError

SHOWN = 20


@dataclass
class Problems:
    """Collects one line per problem; `check` raises them together, the first 20 in full."""

    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.lines.append(line)

    def check(self) -> None:
        if not self.lines:
            return
        shown = self.lines[:SHOWN]
        if (more := len(self.lines) - SHOWN) > 0:
            shown.append(f"... and {more} more {'problem' if more == 1 else 'problems'}")
        raise ResearchError("\n".join(shown))
