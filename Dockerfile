# The dashboard with its models; it runs without internet. Models on VGG16 need their base: mount a
# folder with its weights and set CXR_WEIGHTS to it.
FROM python:3.11-slim-bookworm

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=2

RUN useradd --create-home --uid 10001 cxr
WORKDIR /app

# What is required first, so that a change of the code does not install it anew.
COPY requirements.lock ./
RUN pip install --require-hashes --no-deps -r requirements.lock

COPY .streamlit .streamlit
COPY models models
COPY pages pages
COPY cxr cxr
COPY streamlit_app.py LICENSE ./

# The log of readings lies here where CXR_READINGS_URL names no database.
RUN install -d -o cxr -g cxr /home/cxr/.local/share
USER 10001

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "streamlit_app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true", "--browser.gatherUsageStats=false"]
