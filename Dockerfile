# One file for every image: docker build --build-arg SERVICE=monolith|toolkit|outside .
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
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app:/app/extracted:/app/monolith \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

FROM base AS monolith
COPY --from=packages /venv /venv
COPY strangler/__init__.py strangler/
COPY strangler/chassis strangler/chassis
COPY extracted/contracts extracted/contracts
COPY monolith monolith
USER service

FROM base AS toolkit
COPY --from=toolkit-packages /venv /venv
COPY strangler strangler
COPY extracted/contracts extracted/contracts
COPY migrations-plan migrations-plan
COPY docker-compose.yml ./
USER service

FROM base AS outside
COPY --from=toolkit-packages /venv /venv
COPY strangler/__init__.py strangler/
COPY strangler/chassis strangler/chassis
COPY tests/outside tests/outside
USER service

FROM ${SERVICE}
