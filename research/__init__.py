"""Attribution and stance classification for news: who states, who denies, what is only speculated.

The rooms in the order that data flow through them, which is the alphabetical one; a room imports only itself and
those to its left.
"""

FLOW = ("articles", "cues", "datasets", "models", "scoring", "summary", "workflows")

__all__ = ["FLOW"]
