# One image for each service from one recipe, with its own code and dependencies alone:
#   docker build --target service --build-arg PACKAGE=eventrail-writer --build-arg MODULE=writer --build-arg PORT=8403 .
#   docker build --target collector --build-arg PACKAGE=eventrail-collector --build-arg MODULE=collector --build-arg PORT=8400 .

FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY pyproject.toml uv.lock ./
COPY libs libs
COPY services services
COPY devstack devstack
COPY sdk/python sdk/python
COPY sdk/subscriber sdk/subscriber
ARG PACKAGE
# A Python that uv fetched would not be in the image that runs.
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/eventrail
RUN uv sync --frozen --no-dev --no-editable --package ${PACKAGE} \
    && uv export --frozen --no-dev --package ${PACKAGE} --format cyclonedx1.5 --quiet -o /opt/eventrail/sbom.cdx.json

FROM python:3.13-slim AS service
ARG PACKAGE
ARG MODULE
ARG PORT=0
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title=${PACKAGE} \
      org.opencontainers.image.description="Eventrail, a pipeline for custom events" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION}
ENV PATH=/opt/eventrail/bin:$PATH PYTHONUNBUFFERED=1 EVENTRAIL_MODULE=${MODULE} EVENTRAIL_PORT=${PORT}
COPY --from=build /opt/eventrail /opt/eventrail
USER 65532:65532
WORKDIR /tmp
# A job has no port, and ends before anybody asks.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD python -c "\
import http.client, os; \
asked = http.client.HTTPConnection('127.0.0.1', int(os.environ['EVENTRAIL_PORT']), timeout=4); \
asked.request('GET', '/livez'); \
raise SystemExit(asked.getresponse().status != 200)"
# exec: the service itself is process 1 and gets SIGTERM.
ENTRYPOINT ["/bin/sh", "-c", "exec python -P -m $EVENTRAIL_MODULE \"$@\"", "eventrail"]

# The script that pages load from the collector.
FROM node:24-slim AS script
WORKDIR /sdk
COPY sdk .
RUN npm ci --no-audit --no-fund && npm run build -- /script

FROM service AS collector
COPY --from=script /script /opt/eventrail-script
ENV EVENTRAIL_COLLECTOR_SCRIPT=/opt/eventrail-script
