#!/bin/sh
# Installs the Verge agent as a systemd service, from a built checkout.
#
#   ./install.sh --bundle FILE [--release-root FILE] [--name NAME]        for this user, without root
#   sudo ./install.sh --system --bundle FILE [...]                        for the machine, as the user verge-agent
#   ./install.sh --print [--system]                                       show the unit and change nothing
#
# Running it again updates the unit; a device that is enrolled already stays what it is.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
agent="$here/../../apps/agent/bin/verge-agent.mjs"
system=no print=no bundle= root= name=

die() { echo "install.sh: $*" >&2; exit 1; }
need() { [ $# -ge 2 ] && [ -n "$2" ] || die "$1 expects a value"; }

while [ $# -gt 0 ]; do
  case $1 in
    --system) system=yes ;;
    --print) print=yes ;;
    --bundle) need "$@"; bundle=$2; shift ;;
    --release-root) need "$@"; root=$2; shift ;;
    --name) need "$@"; name=$2; shift ;;
    -h|--help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown option $1; see --help" ;;
  esac
  shift
done

node=$(command -v node) || die "Node.js is not installed; 20.19 or later is needed"
"$node" -e 'const [a,b]=process.versions.node.split(".").map(Number); process.exit(a>20||(a===20&&b>=19)?0:1)' ||
  die "Node.js $("$node" --version) is too old; 20.19 or later is needed"
[ -f "$here/../../apps/agent/dist/main.js" ] ||
  die "the agent is not built; run 'npm ci' and 'npx turbo run build --filter=@verge/agent...' in the checkout"
agent=$(CDPATH= cd -- "$(dirname -- "$agent")" && pwd)/verge-agent.mjs

if [ $system = yes ]; then
  state=/var/lib/verge-agent
  unit=/etc/systemd/system/verge-agent.service
  target=multi-user.target
  user='User=verge-agent
Group=verge-agent
StateDirectory=verge-agent
StateDirectoryMode=0700'
  # A user's manager may not have these.
  hardening='ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
CapabilityBoundingSet=
AmbientCapabilities='
else
  state=${VERGE_AGENT_DIR:-$HOME/.local/share/verge-agent}
  unit=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/verge-agent.service
  target=default.target
  user='' hardening=''
fi

# awk, because the values hold slashes and line ends; a value with a percent sign would be read by systemd.
case "$node$agent$state" in *[%\ ]*) die "paths with spaces or percent signs are not supported" ;; esac
render() {
  NODE=$node AGENT=$agent STATE=$state USER_LINES=$user HARDENING=$hardening TARGET=$target awk '
    function put(mark, value,   at) {
      while ((at = index($0, mark)) > 0) $0 = substr($0, 1, at - 1) value substr($0, at + length(mark))
    }
    $0 == "@USER@" { if (ENVIRON["USER_LINES"] != "") print ENVIRON["USER_LINES"]; next }
    $0 == "@HARDENING@" { if (ENVIRON["HARDENING"] != "") print ENVIRON["HARDENING"]; next }
    { put("@NODE@", ENVIRON["NODE"]); put("@AGENT@", ENVIRON["AGENT"]); put("@STATE@", ENVIRON["STATE"])
      put("@TARGET@", ENVIRON["TARGET"]); print }' "$here/verge-agent.service"
}

if [ $print = yes ]; then
  render
  exit 0
fi

command -v systemctl >/dev/null 2>&1 || die "systemd is not here; start '$agent run' with what this machine has"
as_owner() { "$@"; }
if [ $system = yes ]; then
  [ "$(id -u)" = 0 ] || die "--system needs root"
  id verge-agent >/dev/null 2>&1 ||
    useradd --system --home-dir "$state" --shell /usr/sbin/nologin --user-group verge-agent
  install -d -o verge-agent -g verge-agent -m 0700 "$state"
  as_owner() { runuser -u verge-agent -- "$@"; }
  # The service's user reads the checkout and the bundle through copies that it may read.
  as_owner "$node" "$agent" --version >/dev/null ||
    die "the user verge-agent cannot read $agent; put the checkout where it can, say /opt/verge"
fi

if [ -n "$bundle" ]; then
  copies=$(mktemp -d)
  trap 'rm -rf "$copies"' EXIT
  cp -- "$bundle" "$copies/bundle.json"
  set -- enroll --bundle "$copies/bundle.json" --dir "$state"
  if [ -n "$root" ]; then
    cp -- "$root" "$copies/root.json"
    set -- "$@" --release-root "$copies/root.json"
  fi
  [ -z "$name" ] || set -- "$@" --name "$name"
  [ $system = no ] || chown -R verge-agent: "$copies"
  as_owner "$node" "$agent" "$@"
elif [ ! -f "$state/identity.json" ]; then
  die "this device is not enrolled; give --bundle FILE (from 'verge devices enroll-token')"
fi

mkdir -p "$(dirname -- "$unit")"
render > "$unit"
if [ $system = yes ]; then
  systemctl daemon-reload
  systemctl enable --now verge-agent.service
else
  systemctl --user daemon-reload
  systemctl --user enable --now verge-agent.service
  [ "$(loginctl show-user "$(id -un)" --property=Linger --value 2>/dev/null || true)" = yes ] ||
    echo "The agent ends when you log out; 'loginctl enable-linger' keeps it running."
fi
echo "verge-agent runs; '$agent status --dir $state' shows what it does."
