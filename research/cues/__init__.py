"""What the words signal: the cue lexicon, who speaks, what carries over, and labels by rule.

lexicon.yaml -> lexicon -> matches (cues in a sentence) -> sources, attributions (who says it) -> carry (what the
article adds) -> rules (labels, explained) and features (numbers for a linear model). Standard library and PyYAML only.
"""

from research.cues.features import FAMILIES, cue_features, feature_group, read_once
from research.cues.matches import Cue, find_cues
from research.cues.rules import explain, label_primary, label_sentences

__all__ = [
    "FAMILIES",
    "Cue",
    "cue_features",
    "explain",
    "feature_group",
    "find_cues",
    "label_primary",
    "label_sentences",
    "read_once",
]
