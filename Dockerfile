# One file for every image: docker build --build-arg SERVICE=monolith|notifications|catalog|toolkit|outside .
# Each holds the pinned packages it needs and the folders it owns, nothing else, and runs as nobody special.
ARG SERVICE=monolith

FROM python:3.11-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements/host.txt /requirements/
RUN /venv/bin/pip install --quiet --require-hashes -r /requirements/host.txt

# The toolkit and the outside world need the toolkit's packages too; a host never sees them.
FROM packages AS toolkit-packages
COPY requirements/toolkit.txt /requirements/
RUN /venv/bin/pip install --quiet --require-hashes -r /requirements/toolkit.txt

FROM python:3.11-slim-bookworm AS base
RUN useradd --system --uid 10001 --no-create-home service \
 && install -d -o service /var/lib/psp /var/lib/smtp /var/lib/traces
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app:/app/extracted:/app/monolith:/app/extracted/notifications:/app/extracted/catalog \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

# Readable for all, whatever the checkout's own modes are. A domain's package goes to its host's folder too,
# wherever it stands: with the monolith, where the migration starts, or at a later stage's tag with its host.
FROM base AS sources
COPY strangler strangler
COPY extracted extracted
COPY monolith monolith
COPY migrations-plan migrations-plan
COPY tests/outside tests/outside
COPY docker-compose.yml ./
RUN chmod -R a+rX . \
 && for host in extracted/*/pyproject.toml; do \
      host=${host%/pyproject.toml}; domain=${host#extracted/}; rm -rf "$host/tests"; \
      [ ! -d "monolith/shop/$domain" ] || { mkdir -p "$host/shop" && cp -r "monolith/shop/$domain" "$host/shop/"; }; \
    done

FROM base AS service
COPY --from=packages /venv /venv
COPY --from=sources /app/strangler/__init__.py strangler/
COPY --from=sources /app/strangler/chassis strangler/chassis
COPY --from=sources /app/extracted/contracts extracted/contracts

FROM service AS monolith
COPY --from=sources /app/monolith monolith
USER service

FROM service AS notifications
COPY --from=sources /app/extracted/notifications extracted/notifications
USER service

FROM service AS catalog
COPY --from=sources /app/extracted/catalog extracted/catalog
USER service

FROM base AS toolkit
COPY --from=toolkit-packages /venv /venv
COPY --from=sources /app/strangler strangler
COPY --from=sources /app/extracted/contracts extracted/contracts
COPY --from=sources /app/migrations-plan migrations-plan
COPY --from=sources /app/docker-compose.yml ./
USER service

FROM base AS outside
COPY --from=toolkit-packages /venv /venv
COPY --from=sources /app/strangler/__init__.py strangler/
COPY --from=sources /app/strangler/chassis strangler/chassis
COPY --from=sources /app/tests/outside tests/outside
USER service

FROM ${SERVICE}
