"""An export's data set and student, sent to a model hub: what would go, and sending it."""

from llkd.publishing.hub import Place, hub_endpoint, hub_token, send
from llkd.publishing.shipment import DATASET, MODEL, Shipment, checked_name, shipments_of

__all__ = [
    "DATASET",
    "MODEL",
    "Place",
    "Shipment",
    "checked_name",
    "hub_endpoint",
    "hub_token",
    "send",
    "shipments_of",
]
