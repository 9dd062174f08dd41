# Both frameworks, the weight converters and the program in one image. How to build and run it: docker/README.md.
#
#   docker build -t repro .                               gpu: Paddle with CUDA 11.8, PyTorch with CUDA 13
#   docker build -t repro:cpu --build-arg VARIANT=cpu .
#
# Needs BuildKit as built into Docker 20.10 and later: without a `# syntax=` line no frontend is pulled.
ARG BASE_IMAGE=debian:bookworm-slim@sha256:7b140f374b289a7c2befc338f42ebe6441b7ea838a042bbd5acbfca6ec875818
ARG WHEELS=scratch

# Packages for a build without network; empty unless docker/build.sh --wheels fills it.
FROM ${WHEELS} AS wheels

FROM ${BASE_IMAGE} AS system
# A base that already has the packages stays as it is, so that the build needs no network.
RUN --mount=type=bind,source=docker/packages.txt,target=/packages.txt \
    dpkg --status $(cat /packages.txt) > /dev/null 2>&1 || { \
        apt-get update && \
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $(cat /packages.txt) && \
        rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/log/* ; }

FROM system AS environment
ARG VARIANT=gpu
# 1: from `wheels` alone.
ARG PIP_NO_INDEX=0
WORKDIR /opt/repro
COPY pyproject.toml ./
COPY requirements/*.txt requirements/
COPY tools/make_venv.py tools/
COPY repro/__init__.py repro/
COPY repro/machine/__init__.py repro/machine/devices.py repro/machine/home.py repro/machine/
# As on any machine (tools/setup_env.sh), with --require-hashes. The date makes .pyc files hold the hash of their source
# instead of its time. The log is removed because it names the package registry.
RUN --mount=type=bind,from=wheels,target=/wheels \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi && \
    PIP_FIND_LINKS=/wheels PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore SOURCE_DATE_EPOCH=315532800 \
        python3.11 tools/make_venv.py run --venv /opt/venv --variant "$VARIANT" && \
    rm -rf /opt/venv/install.log /opt/venv.lock *.egg-info tools/__pycache__ repro/__pycache__ repro/*/__pycache__ /root/.cache /tmp/*

FROM system AS sbom
ARG PIP_NO_INDEX=0
RUN --mount=type=bind,from=wheels,target=/wheels \
    --mount=type=bind,from=environment,source=/opt/venv,target=/opt/venv \
    --mount=type=bind,source=requirements/image.txt,target=/image.txt \
    --mount=type=secret,id=ca \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi && \
    python3.11 -m venv /sbom && \
    /sbom/bin/pip install --quiet --no-cache-dir --find-links /wheels --no-deps --require-hashes -r /image.txt && \
    PYTHONPATH=/opt/venv/paddle-cuda /sbom/bin/cyclonedx-py environment --output-reproducible --output-file /sbom.cdx.json /opt/venv/bin/python

FROM environment AS image
COPY LICENSE ./
COPY --from=sbom /sbom.cdx.json ./
COPY docker/entrypoint.sh /usr/local/bin/
COPY checkpoints checkpoints/
COPY repro repro/
RUN rm -r tools && \
    /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash repro && \
    mkdir /cache && mkdir --mode=1777 /out && \
    echo 'repro:x:10001:10001:repro:/out:/usr/sbin/nologin' >> /etc/passwd && \
    echo 'repro:x:10001:' >> /etc/group
# USER, since a user chosen with --user has no name; the last two make the NVIDIA runtime bring its driver.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    REPRO_OUT=/out \
    XDG_CACHE_HOME=/cache \
    USER=repro \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN --mount=type=bind,source=docker/check_libraries.py,target=/check_libraries.py \
    python /check_libraries.py "$VARIANT"
USER 10001:10001
WORKDIR /
ENTRYPOINT ["tini", "-s", "--", "entrypoint.sh"]
CMD ["--help"]

ARG BASE_IMAGE
ARG VARIANT=gpu
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1980-01-01T00:00:00Z
LABEL org.opencontainers.image.title="repro" \
      org.opencontainers.image.description="Re-verifies a Paddle reproduction of Splinter in PyTorch and Paddle (${VARIANT})" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
