# shellcheck shell=bash
# What docs/install.md has people do with the units, as root of a container that runs systemd. The first argument is the
# exposure that the service may have.
config=/etc/exotel-exporter/config.yaml
secrets=/etc/exotel-exporter/credentials

await() {
  until /opt/exotel-exporter/bin/python -c 'from urllib.request import urlopen as get
print(get("http://127.0.0.1:9927/metrics").read().decode())' | grep --fixed-strings "$1"; do sleep 0.2; done
}

install -d -m 700 $secrets
for name in acme_api_key acme_api_token; do
  echo demo | install -m 600 /dev/stdin $secrets/$name
done
systemctl start exotel-simulator
systemd-analyze verify --man=no exotel-exporter.service exotel-exporter.socket
systemctl enable --now exotel-exporter
systemd-analyze security --no-pager --threshold="$1" exotel-exporter.service
await 'exotel_up{account="acme"} 1.0'

systemd-run --collect --service-type=oneshot -p StandardOutput=file:/printed -p DynamicUser=yes \
  -p LoadCredential=exotel:$secrets \
  /opt/exotel-exporter/bin/exotel-exporter doctor --config.file=$config --requests=18
sed -n '/^accounts:/,$p' /printed >$config

sed -i 's/call_limit: 150/call_limit: 160/' $config
systemctl reload exotel-exporter
await 'exotel_call_limit{account="acme"} 160.0'
sed -i 's/call_limit: 160/call_limit: many/' $config
if systemctl reload exotel-exporter; then exit 1; fi
await 'exotel_call_limit{account="acme"} 160.0'
sed -i 's/call_limit: many/call_limit: 160/' $config

systemctl stop exotel-exporter
systemctl show --property=Result exotel-exporter | grep --line-regexp Result=success
systemctl show --property=ExecMainStatus exotel-exporter | grep --line-regexp ExecMainStatus=0

echo 'ARGS="--web.systemd-socket"' >/etc/default/exotel-exporter
systemctl enable --now exotel-exporter.socket
await 'exotel_up{account="acme"} 1.0'
