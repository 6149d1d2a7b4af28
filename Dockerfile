# The script that pages load from the collector; the other services leave it alone.
FROM node:24-slim AS script
WORKDIR /sdk
COPY sdk .
RUN npm ci --no-audit --no-fund && npm run build -- /script

# One image per service from one recipe:
#   docker build --build-arg PACKAGE=eventrail-collector --build-arg MODULE=collector -t eventrail/collector .
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY pyproject.toml uv.lock ./
COPY libs libs
COPY services services
COPY devstack devstack
COPY sdk/python sdk/python
ARG PACKAGE
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/eventrail
RUN uv sync --frozen --no-dev --no-editable --package ${PACKAGE}

FROM python:3.13-slim
ARG MODULE
ENV PATH=/opt/eventrail/bin:$PATH PYTHONUNBUFFERED=1 EVENTRAIL_MODULE=${MODULE} EVENTRAIL_COLLECTOR_SCRIPT=/opt/eventrail-script
COPY --from=build /opt/eventrail /opt/eventrail
COPY --from=script /script /opt/eventrail-script
USER 65532:65532
WORKDIR /tmp
# exec: the service itself is process 1 and gets SIGTERM.
ENTRYPOINT ["/bin/sh", "-c", "exec python -P -m $EVENTRAIL_MODULE \"$@\"", "eventrail"]
