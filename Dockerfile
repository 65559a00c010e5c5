# The dashboard with its models; it runs without internet. Models on VGG16 need their base: mount a
# folder with its weights and set CXR_WEIGHTS to it.

# What is required, in an environment of its own: what installs it stays behind in this stage.
FROM python:3.11-slim-bookworm AS required
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/cxr
COPY requirements.lock ./
# Wheels alone: nothing is built, so that no compiler is wanted, and no file's program is run.
RUN /opt/cxr/bin/pip install --require-hashes --no-deps --only-binary=:all: -r requirements.lock
RUN /opt/cxr/bin/pip uninstall --yes --quiet pip

FROM python:3.11-slim-bookworm
ENV PATH=/opt/cxr/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=2
RUN useradd --create-home --uid 10001 --shell /usr/sbin/nologin cxr
WORKDIR /app
COPY --from=required /opt/cxr /opt/cxr
COPY .streamlit .streamlit
COPY models models
COPY pages pages
COPY cxr cxr
COPY streamlit_app.py LICENSE ./
# Where the root file system is read-only, nothing can be compiled later.
RUN python -m compileall -q cxr pages streamlit_app.py

# The log of readings lies here where CXR_READINGS_URL names no database.
RUN install -d -o cxr -g cxr /home/cxr/.local/share
USER 10001

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# It listens beyond the container, and so does not start before somebody says who may come in:
# docs/how-to/sign_in.md.
CMD ["streamlit", "run", "streamlit_app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
