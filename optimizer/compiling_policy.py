"""The policy's part of compile: limits and shares as arrays."""

from __future__ import annotations

import numpy as np

from instances import limits
from instances.instance import OPTIONAL, Instance
from solvers.model.policy import Limits, PolicyData


def policy_data(instance: Instance) -> PolicyData:
    """Numbers of the policy; utilisation limits lie at the hubs."""
    hubs, policy = instance.hubs, instance.policy
    closable = hubs.existing & (hubs.status == OPTIONAL)
    shares = policy.tag_shares
    return PolicyData(
        budget=_limits(policy.budget),
        closing_cost=np.where(closable, hubs.closing_cost, 0.0),
        min_utilisation=_limits(hubs.min_utilisation),
        max_utilisation=_limits(hubs.max_utilisation),
        green_contract=hubs.contracts.green,
        green_share=_limits(policy.green_share_min),
        tagged=np.array([[tag in tags for tags in hubs.tags] for tag in shares.tag]).reshape(-1, len(hubs)),
        tag_resource=shares.resource,
        tag_min=_limits(shares.min),
        tag_max=_limits(shares.max),
    )


def _limits(given: limits.Limits) -> Limits:
    return Limits(given.limit, given.price)
