# One image for every Fanfare process; what it runs is the command: `docker run fanfare worker pacing`.
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /fanfare

# First what changes seldom. Every package is pinned and verified, and none is built here: the slim image has no compiler.
COPY requirements.lock ./
RUN pip install --only-binary :all: --require-hashes -r requirements.lock

COPY deploy deploy
COPY tables tables
COPY agents agents
COPY app app
# Its user may not write here, and every container would compile anew.
RUN python -m compileall -q app agents tables

# A volume that is mounted here for the first time takes over this owner.
RUN useradd --uid 10001 --no-create-home fanfare && install -d -o fanfare -g fanfare -m 750 /state
USER fanfare
ENV FANFARE_STATE_DIR=/state
VOLUME /state

# The same as `fanfare`.
ENTRYPOINT ["python", "-m", "app.cli.main"]
CMD ["--help"]
