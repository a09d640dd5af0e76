"""The order of the core's packages: one imports those of its own layer and of the layers before it."""

LAYERS = [
    {"errors", "config", "installation"},
    {"cluster", "isolation"},
    {"selection", "store"},
    {"datasets", "charts", "models"},
    {"students"},
    {"teachers", "jobs"},
    {"curation"},
    {"evaluation", "exporting"},
    {"embedding", "maintenance", "packing", "publishing", "tracking"},
    {"labeling", "training"},
    {"workflows"},
    {"serving"},
    {"library"},
    {"cli"},
]
LEVEL = {name: number for number, layer in enumerate(LAYERS) for name in layer}
