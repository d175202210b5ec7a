"""The limits that figures are compared with, each defined once, with its reason."""

from __future__ import annotations

CONFIDENCE = 0.95
"""Default confidence of every interval."""

THRESHOLD = 0.6
"""A picture is "unknown" if its top probability is below this."""

MAX_UNKNOWN = 0.05
"""Largest share of unknown pictures for which a figure over the known ones is valid."""

MAX_UNKNOWN_RISE = 0.02
"""Largest rise of the unknown share: dropping hard pictures must not look like success."""

MAX_CONCEPT_LOSS = 0.03
"""Largest share of pictures that may lose the concept of the prompt through steering."""

EQUIVALENCE = 0.10
"""Shares are equivalent only if the whole interval of the change is within ± this margin."""

PRECISION = 0.05
"""Largest distance of a calibrated share from its target."""

CALIBRATION_CONFIDENCE = 0.90
"""Confidence of a calibration that its shares are within `PRECISION`."""

FEW = 20
"""Fewest plain pictures of a group from which its rates are taken, if there is another source."""

FEW_TO_AGREE = 30
"""Fewest pictures known to both recognisers from which Cohen's kappa is stated."""

LEAST_DISTANCE = 0.05
"""Smallest mean cosine distance, between pictures of one prompt from different noise, that leaves
something to steer. On the embedded model, whose noise was mixed with a constant, 6 σ still moved
the share of women from 0 to 0.56 at a distance of 0.11, and not at all at 0.04."""

LEAST_SEED_SHARE = 0.1
"""Smallest share of the variance within one prompt, of all over its paraphrases, that leaves
something to steer, on whatever scale a recogniser measures distances."""
