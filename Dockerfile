# syntax=docker/dockerfile:1
# One image with one binary, for every role. Without a command it is the whole embedded product:
#
#   docker build -t seungin . && docker run --rm -p 8080:8080 -p 8081:8081 -v seungin:/data seungin

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package app && \
    install -D target/release/seungin /out/seungin && \
    mkdir /out/data

# The C library of the build's Debian, the system's certificates, and nothing to log in to.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/seungin /usr/local/bin/seungin
COPY --from=build --chown=65532:65532 --chmod=700 /out/data /data
# A container is reached from outside, so it listens on all of its addresses.
ENV SEUNGIN__DATA_DIR=/data \
    SEUNGIN__API__LISTEN=0.0.0.0:8080 \
    SEUNGIN__SIMULATOR__LISTEN=0.0.0.0:8081
# The image's user `nonroot`, as a number: Kubernetes cannot tell a name from root.
USER 65532:65532
EXPOSE 8080 8081 9464
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["seungin", "healthcheck"]
ENTRYPOINT ["seungin"]
