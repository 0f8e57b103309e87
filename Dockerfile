# The one binary on a small Debian: Debian and not an empty image, so that health checks have a shell and
# HTTPS has certificates to trust.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/loadline /usr/local/bin/loadline
# nobody: what needs more (reading other users' files, Docker's socket) is said where it is run.
USER 65534:65534
ENTRYPOINT ["loadline"]
CMD ["--help"]
