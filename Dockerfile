# One image for all seven processes; docker-compose.yml says which one a container is.
FROM python:3.12-slim

RUN useradd --system --uid 10001 --create-home sightline \
 && install -d -o sightline -g sightline /data

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY protos protos
COPY lineage lineage
COPY services services
COPY sim sim
COPY scenarios scenarios
RUN pip install --no-cache-dir .

USER sightline
WORKDIR /data
VOLUME /data
ENV PYTHONUNBUFFERED=1

# Healthy: the node's gRPC port accepts calls.
HEALTHCHECK --interval=2s --timeout=5s --start-period=30s --retries=10 CMD ["python", "-c", "import os, grpc; port = os.environ['SIGHTLINE_LISTEN'].rpartition(':')[2]; grpc.channel_ready_future(grpc.insecure_channel('127.0.0.1:' + port)).result(4)"]

ENTRYPOINT []
CMD ["sightline", "--help"]
