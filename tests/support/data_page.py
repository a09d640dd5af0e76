"""Files that tests of the Data page bring in, and what they do there."""

import numpy as np

CSV = (
    "id,text,label\n"
    "a,The bin is full,waste\n"
    "b,A hole in the road,roads\n"
    "c,,roads\n"
    "d,The bin is full,waste\n"
    "e,<b>No</b> water [l](http://e.com),water\n"
    "f,The street light is out,roads\n"
)
MANY = "id,text,label\n" + "".join(
    f"{k},message number {k} about {label},{label}\n"
    for k, label in enumerate(np.tile(["roads", "waste"], 20))
)


def upload(app, content, name="city texts.csv", slot=0):
    data = content if isinstance(content, bytes) else content.encode()
    app.file_uploader[slot].set_value((name, data, "text/csv")).run()
    # The page runs itself again; AppTest takes the click after that for one on another page.
    return app.run()


def metrics(app):
    return {one.label: one.value for one in app.metric}


def choose(app, label):
    return next(one for one in app.selectbox if one.label == label)
