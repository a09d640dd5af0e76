"""What Curate would be with a Plotly chart: scattergl marks, two lines, and a slider for one.

Run by plane.py, which names a file of signals in the environment. Not part of the product.
"""

import os

import numpy as np
import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")


@st.cache_resource
def signals(path):
    return np.load(path, allow_pickle=False)


x, y = signals(os.environ["PLANE_SIGNALS"])
teacher = st.slider("Teacher threshold", 0.0, 1.0, 0.6, step=0.001, format="%.3f")
is_kept = (x >= teacher) & (y >= 0.2)
figure = go.Figure()
for mask, colour in ((~is_kept, "#999999"), (is_kept, "#0072B2")):
    figure.add_scattergl(x=x[mask], y=y[mask], mode="markers", marker={"size": 4, "color": colour})
figure.add_vline(teacher)
figure.add_hline(0.2)
figure.update_layout(height=520, dragmode="select", uirevision="plane")
st.plotly_chart(figure, key="plane", on_select="rerun", selection_mode=("box", "lasso"))
st.text(f"Kept {int(is_kept.sum())}")
