#!/usr/bin/env bash
# Installs Autobahn's WebSocket test suite and runs its fuzzing client against an echo server on 127.0.0.1.
#
#   autobahn.sh PORT OUTDIR [CASES] [EXCLUDE]
#
# PORT     a WebSocket echo server listens there already; `run.py` starts one
# OUTDIR   reports go here: index.json, index.html, one .json and .html for each case, wstest.log
# CASES    comma-separated case patterns, such as '1.*,2.*,9.1.3' (default '*': all 517)
# EXCLUDE  comma-separated patterns to leave out (default: none)
#
# Environment, all optional:
#   AUTOBAHN_PATH     path of the echo endpoint, such as /echo
#   AUTOBAHN_HOME     where the suite is installed and kept (default: ${TMPDIR:-/tmp}/autobahn-wstest-$UID)
#   AUTOBAHN_TIMEOUT  seconds before the whole run is stopped (default 7200)
#   AUTOBAHN_OPTIONS  JSON object of client options, such as '{"closeHandshakeTimeout":10}' (default: the suite's own)
#   PYTHON27          a Python 2.7 interpreter (default: looked for on PATH, then among pyenv's versions)
#   CLOSE_STRICT=0    a bad closing handshake alone does not fail the run
#
# Prints "cases=N ok=N non_strict=N informational=N failed=N unimplemented=N missing=N close_bad=N", then every case that
# is neither OK nor INFORMATIONAL.
# Exit: 0 clean; 1 some case failed, was not strict, unimplemented, missing or badly closed; 2 usage, installation, or the
# client itself broke; 3 there is no Python 2.7, which the suite needs.
set -u
die() { echo "autobahn.sh: $*" >&2; exit 2; }
[ $# -ge 2 ] && [ $# -le 4 ] || die "usage: $0 PORT OUTDIR [CASES] [EXCLUDE]"
PORT=$1 OUTDIR=$2 CASES=${3:-${CASES:-*}} EXCLUDE=${4:-${EXCLUDE:-}}
[[ $PORT =~ ^[0-9]+$ ]] || die "PORT is not a number: $PORT"
ROOT=${AUTOBAHN_HOME:-${TMPDIR:-/tmp}/autobahn-wstest-$UID}
mkdir -p "$ROOT" "$OUTDIR" || die "cannot create $ROOT or $OUTDIR"
ROOT=$(cd "$ROOT" && pwd) OUTDIR=$(cd "$OUTDIR" && pwd)
VENV=$ROOT/venv

# ---- install (once) ---------------------------------------------------------
# autobahntestsuite is Python 2.7 only; its own pins are exact, these are the rest.
PINS='autobahntestsuite==25.10.1
autobahn==0.10.9
txaio==2.1.0
Twisted==19.10.0
zope.interface==4.6.0
incremental==16.10.1
constantly==15.1.0
Automat==22.10.0
hyperlink==21.0.0
PyHamcrest==1.10.1
attrs==21.4.0
typing==3.10.0.0
idna==2.10
six==1.16.0
pyOpenSSL==19.1.0
cryptography==3.3.2
cffi==1.15.1
pycparser==2.21
enum34==1.1.10
ipaddress==1.0.23
service-identity==18.1.0
pyasn1==0.5.1
pyasn1-modules==0.3.0
klein==17.10.0
Werkzeug==1.0.1
Jinja2==2.11.3
MarkupSafe==1.1.1
unittest2==1.1.0
traceback2==1.4.0
linecache2==1.0.0
argparse==1.4.0
ujson==2.0.3
setuptools==44.0.0'
ACCEL='wsaccel==0.6.6'        # C extension, no wheel: wants cc and Python.h
STAMP=$ROOT/ok-$(printf '%s\n%s' "$PINS" "$ACCEL" | cksum | cut -d' ' -f1)

find_py27() {
   local c
   for c in "${PYTHON27:-}" python2.7 python2 \
            "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
      [ -n "$c" ] || continue
      # a pyenv shim may exist and still not run: ask it, and keep the real path
      c=$("$c" -c 'import sys, zlib, ssl; assert sys.version_info[:2] == (2, 7)
print(sys.executable)' 2>/dev/null) && [ -n "$c" ] && { echo "$c"; return 0; }
   done
   return 1
}

install() {
   local py27
   py27=$(find_py27) || { echo "no working Python 2.7 found (set PYTHON27)"; return 1; }
   echo "python 2.7: $py27"
   rm -rf "$VENV" "$ROOT/tools" "$ROOT"/ok-*
   # 20.21.1 is the last virtualenv that can make a 2.7 environment (pip 20.3.4 inside)
   python3 -m venv "$ROOT/tools" &&
   "$ROOT/tools/bin/python" -m pip install -q 'virtualenv==20.21.1' &&
   "$ROOT/tools/bin/python" -m virtualenv -q --no-periodic-update \
      --app-data "$ROOT/app-data" -p "$py27" "$VENV" || return 1
   printf '%s\n' "$PINS" > "$ROOT/pins.txt"
   "$VENV/bin/python" -m pip install --no-deps -r "$ROOT/pins.txt" || return 1
   "$VENV/bin/python" -m pip install --no-deps "$ACCEL" ||
      echo "WARNING: $ACCEL did not build; pure-Python masking and UTF-8 checks, much slower"
   "$VENV/bin/python" -c 'import autobahntestsuite.wstest' || return 1
   : > "$STAMP"
}

if command -v flock >/dev/null; then exec 9>"$ROOT/lock"; flock 9; fi
if [ ! -e "$STAMP" ] && ! find_py27 >/dev/null; then
   echo "autobahn.sh: no working Python 2.7 was found (set PYTHON27)" >&2
   exit 3
fi
if [ ! -e "$STAMP" ] || ! "$VENV/bin/python" -c 'import autobahntestsuite' 2>/dev/null; then
   echo "installing autobahntestsuite under $ROOT ..." >&2
   install > "$ROOT/install.log" 2>&1 || { tail -15 "$ROOT/install.log" >&2; die "installation failed, see $ROOT/install.log"; }
   grep '^WARNING: wsaccel' "$ROOT/install.log" >&2
fi
exec 9>&-                      # release; the install is shared, runs are not locked

# ---- run --------------------------------------------------------------------
# wstest exits 0 with an empty report when nothing listens: look first.
(exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || die "nothing listens on 127.0.0.1:$PORT"

rm -f "$OUTDIR"/index.json "$OUTDIR"/index.html "$OUTDIR"/target_case_*.json "$OUTDIR"/target_case_*.html
export OUTDIR PORT CASES EXCLUDE
"$VENV/bin/python" - > "$OUTDIR/spec.json" <<'PY' || die "bad CASES, EXCLUDE or AUTOBAHN_OPTIONS"
import json, os, sys, re
from autobahntestsuite.case import Cases, CaseCategories, CaseSubCategories, CaseSetname, CaseBasename
from autobahntestsuite.caseset import CaseSet
e = os.environ
split = lambda s: [x.strip() for x in s.split(',') if x.strip()]
cs = CaseSet(CaseSetname, CaseBasename, Cases, CaseCategories, CaseSubCategories)
pats, excl = split(e['CASES']), split(e['EXCLUDE'])
for p in pats + excl:          # wstest dies of a KeyError on these, or matches nothing
    if '*' not in p and p not in cs.CasesIndices:
        sys.exit("autobahn.sh: no such case: %s" % p)
    if not cs.resolveCasePatternList([p]):
        sys.exit("autobahn.sh: pattern matches no case: %s" % p)
spec = {"outdir": e['OUTDIR'], "options": json.loads(e.get('AUTOBAHN_OPTIONS') or '{}'),
        "servers": [{"agent": "target", "url": "ws://127.0.0.1:%s%s" % (e['PORT'], e.get('AUTOBAHN_PATH', ''))}],
        "cases": pats, "exclude-cases": excl, "exclude-agent-cases": {}}
if not cs.parseSpecCases(spec):
    sys.exit("autobahn.sh: no case left to run")
print(json.dumps(spec, indent=1))
PY

BEGIN=$(date +%s)
timeout -k 10 "${AUTOBAHN_TIMEOUT:-7200}" "$VENV/bin/python" -u -c \
   'from autobahntestsuite.wstest import run; run()' \
   -m fuzzingclient -s "$OUTDIR/spec.json" > "$OUTDIR/wstest.log" 2>&1 < /dev/null &
PID=$!
trap 'kill $PID 2>/dev/null; wait $PID 2>/dev/null; exit 130' INT TERM HUP
wait $PID; RC=$?
trap - INT TERM HUP
export RC BEGIN END=$(date +%s) CLOSE_STRICT=${CLOSE_STRICT:-1}
if [ "$RC" -ne 0 ] || [ ! -s "$OUTDIR/index.json" ]; then
   tail -5 "$OUTDIR/wstest.log" >&2
   [ "$RC" -eq 124 ] && die "timed out after ${AUTOBAHN_TIMEOUT:-7200} s (reports are only written at the end)"
   die "wstest exit $RC, see $OUTDIR/wstest.log"
fi

# ---- summary ----------------------------------------------------------------
"$VENV/bin/python" - <<'PY'
import json, os, sys, re, calendar, time
e = os.environ; out = e['OUTDIR']
res = json.load(open(os.path.join(out, 'index.json'))).get('target', {})
log = open(os.path.join(out, 'wstest.log')).read()
planned = re.findall(r"'([\d.]+)'", re.search(r"^Cases = \[(.*)\]", log, re.M).group(1))
key = lambda i: tuple(int(x) for x in i.split('.'))
for r in res.values():         # a handshake that never finished: 'duration' is then the clock itself
    r['duration'] = -1 if r['duration'] > 10**9 else r['duration']
missing = [i for i in planned if i not in res]
n = lambda f, b: sum(1 for r in res.values() if r[f] == b)
known = ['OK', 'NON-STRICT', 'INFORMATIONAL', 'UNIMPLEMENTED']
bad_close = [i for i in res if res[i]['behaviorClose'] not in ('OK', 'INFORMATIONAL')]
failed = [i for i in res if res[i]['behavior'] not in known]
print("cases=%d ok=%d non_strict=%d informational=%d failed=%d unimplemented=%d missing=%d close_bad=%d" % (
    len(planned), n('behavior', 'OK'), n('behavior', 'NON-STRICT'), n('behavior', 'INFORMATIONAL'),
    len(failed), n('behavior', 'UNIMPLEMENTED'), len(missing), len(bad_close)))
print("close: " + ' '.join("%s=%d" % (b.lower().replace(' ', '_').replace('-', '_'), n('behaviorClose', b))
    for b in sorted(set(r['behaviorClose'] for r in res.values()))))
# wall time by group, from when each case's connection was made
t = {}
for i in res:
    s = json.load(open(os.path.join(out, res[i]['reportfile']))).get('started')
    if s:
        a, _, f = s.rstrip('Z').partition('.')
        t[i] = calendar.timegm(time.strptime(a, '%Y-%m-%dT%H:%M:%S')) + float('0.' + (f or '0'))
ids = sorted(t, key=key); g = {}
for a, b in zip(ids, ids[1:] + [None]):
    d = t[b] - t[a] if b else max(0, res[a]['duration']) / 1000.
    g[key(a)[0]] = g.get(key(a)[0], 0) + d
print("seconds: total=%d " % (int(e['END']) - int(e['BEGIN'])) + ' '.join("%d=%.1f" % (k, g[k]) for k in sorted(g)))
for i in sorted(set(res) | set(missing), key=key):
    if i in missing:
        print("%-9s MISSING (the server stopped accepting connections?)" % i); continue
    b, c = res[i]['behavior'], res[i]['behaviorClose']
    if b not in ('OK', 'INFORMATIONAL') or i in bad_close:
        d = res[i]['duration']
        print("%-9s %s close=%s code=%s %s" % (i, b, c, res[i]['remoteCloseCode'],
              "no opening handshake" if d < 0 else "%dms" % d))
sys.exit(1 if failed or missing or n('behavior', 'NON-STRICT') or n('behavior', 'UNIMPLEMENTED')
         or (bad_close and e['CLOSE_STRICT'] != '0') else 0)
PY
