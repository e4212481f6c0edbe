# syntax=docker/dockerfile:1
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY .requirements.lock ./
RUN python -m venv /opt/vna \
    && /opt/vna/bin/pip install --no-cache-dir --disable-pip-version-check -r .requirements.lock
COPY . .
RUN /opt/vna/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="vna-node" \
      org.opencontainers.image.description="A DICOM vendor-neutral archive node" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get install --no-install-recommends -y fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 vna \
    && useradd --uid 10001 --gid vna --no-create-home --home-dir /var/lib/vna --shell /usr/sbin/nologin vna \
    && install -d -o vna -g vna -m 0750 /var/lib/vna
COPY --from=build /opt/vna /opt/vna
# From outside the container patient data over HTTP takes a token: VNA_HTTP__TOKENS=NAME=TOKEN
ENV PATH=/opt/vna/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VNA_DATA_DIR=/var/lib/vna \
    VNA_HTTP__HOST=0.0.0.0
USER vna
WORKDIR /var/lib/vna
VOLUME /var/lib/vna
EXPOSE 11112 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('VNA_HTTP__PORT', '8080')}/healthz\", timeout=4)"]
ENTRYPOINT ["vna"]
CMD ["serve"]
