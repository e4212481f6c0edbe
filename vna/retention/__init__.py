"""How long things are kept: profiles of rules as data, and their evaluation. Pure: no clock, no index, no I/O."""

from vna.retention.anniversaries import Span, add_years, age_on
from vna.retention.communicability import Communicable, communicable
from vna.retention.evaluation import evaluate
from vna.retention.facts import (
    Code,
    Examination,
    Fact,
    HoldFacts,
    Identity,
    InstanceFacts,
    SeriesFacts,
    StudyFacts,
    Timeline,
)
from vna.retention.profile import (
    Approval,
    ApprovalKind,
    EliminationAction,
    Level,
    NotePolicy,
    Profile,
    TierRule,
    TierVerb,
)
from vna.retention.reading import ProfileError, read_profile
from vna.retention.shipped import shipped_profiles
from vna.retention.tiers import Place, Placement, TierAction, recall_to, tier_actions
from vna.retention.verdict import Basis, Blocker, PartVerdict, RuleMatch, State, Verdict

__all__ = [
    "Approval",
    "ApprovalKind",
    "Basis",
    "Blocker",
    "Code",
    "Communicable",
    "EliminationAction",
    "Examination",
    "Fact",
    "HoldFacts",
    "Identity",
    "InstanceFacts",
    "Level",
    "NotePolicy",
    "PartVerdict",
    "Place",
    "Placement",
    "Profile",
    "ProfileError",
    "RuleMatch",
    "SeriesFacts",
    "Span",
    "State",
    "StudyFacts",
    "TierAction",
    "TierRule",
    "TierVerb",
    "Timeline",
    "Verdict",
    "add_years",
    "age_on",
    "communicable",
    "evaluate",
    "read_profile",
    "recall_to",
    "shipped_profiles",
    "tier_actions",
]
