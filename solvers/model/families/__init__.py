"""The constraint families of the site block, in reading order. `docs/model.md` states each as a formula."""

from solvers.model.families import (
    bandwidth,
    battery,
    budget,
    capacity,
    carbon,
    certificates,
    demand_charge,
    energy,
    migration,
    onsite,
    opening,
    reserve,
    shares,
    ties,
    utilisation,
    water,
)

FAMILIES = (
    ties.add,  # load, traffic, use: what the options ask of hubs and links
    opening.add,  # open, link_open, open_hubs: what stands
    capacity.add,  # capacity, modules: what a hub can carry
    bandwidth.add,  # bandwidth, link_modules: what a link can carry
    reserve.add,  # reserve_hub, reserve_hub_link, reserve_link: what must stay free for backups
    energy.add,  # balance, connection, contract: where the power comes from
    onsite.add,  # onsite: renewables at the hub
    battery.add,  # stored, charging: power kept for another period
    demand_charge.add,  # peak: the highest import
    certificates.add,  # certificate: paper for grid energy
    water.add,  # no rows: what the facility's energy takes in water
    carbon.add,  # hub_carbon, carbon: what it emits
    migration.add,  # move_limit: what moves against the plan in force
    utilisation.add,  # min_utilisation, max_utilisation: how full hubs must and may be
    shares.add,  # green_share, tag_share: shares of energy
    budget.add,  # budget: what all may cost; last, as it adds up the money of the others
)
