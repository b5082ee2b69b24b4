# Varnish in front of Sheaf: keeps the answers that are public, and forgets what it is told to. Needs varnish 7 and its modules (varnish-modules: xkey).
#
#   SHEAF_PURGE_TOKEN=$(openssl rand -hex 32) varnishd -F -f deploy/varnish.vcl -a :8000 -s malloc,256m
#
# and for Sheaf, with the same token:
#
#   SHEAF_PURGE_URLS=http://127.0.0.1:8000/ SHEAF_PURGE_TOKEN=…
#
# docs/caching.md says what is kept how long; a test runs this file.
vcl 4.1;

import std;
import xkey;

backend sheaf {
    .host = "127.0.0.1";
    .port = "8080";
    # Less than purge.again: an answer that comes later than that may be older than the last purge of its document.
    .first_byte_timeout = 25s;
    .between_bytes_timeout = 4s;
    .probe = { .url = "/readyz"; .interval = 1s; .timeout = 3s; .window = 3; .threshold = 2; .initial = 2; }
}

# Who may have things forgotten, beside knowing the token.
acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (client.ip !~ purgers || !std.getenv("SHEAF_PURGE_TOKEN") || req.http.Authorization != "Bearer " + std.getenv("SHEAF_PURGE_TOKEN")) {
            return (synth(403, "Forbidden"));
        }
        set req.http.X-Purged = xkey.purge(req.http.Surrogate-Key);
        return (synth(200, "Purged " + req.http.X-Purged));
    }
    unset req.http.X-Edge;
    if (req.restarts == 0) {
        unset req.http.X-Anew;
        unset req.http.X-Failed;
    } else if (req.http.X-Failed) {
        set req.grace = 1y;
    } else if (req.http.X-Anew) {
        set req.grace = 0s;
    }
    # Who writes, who has a key, and who has written and wants to see it, is for the origin.
    if ((req.method != "GET" && req.method != "HEAD") || req.http.Authorization || req.http.Consistency-Token) {
        return (pass);
    }
    unset req.http.Cookie; # Sheaf has none
    return (hash);
}

sub vcl_backend_fetch {
    # A Sheaf that asks for a key is asked with SHEAF_EDGE_KEY for those who have none, where that is set. Only what is public leaves here: see below.
    if (std.getenv("SHEAF_EDGE_KEY") && !bereq.http.Authorization && (bereq.method == "GET" || bereq.method == "HEAD")) {
        set bereq.http.Authorization = "Bearer " + std.getenv("SHEAF_EDGE_KEY");
        set bereq.http.X-Edge = "1";
    }
}

sub vcl_backend_response {
    if (bereq.http.X-Edge && beresp.http.Cache-Control !~ "(^|, )public(,|$)") {
        return (error(401, "Unauthorized"));
    }
    if (bereq.is_bgfetch && beresp.status >= 500) {
        return (abandon); # what is there is better
    }
    if (beresp.http.Cache-Control !~ "(^|, )public(,|$)" || beresp.http.CDN-Cache-Control ~ "no-(cache|store)") {
        set beresp.ttl = 120s; # for which the next callers do not wait for one another
        set beresp.uncacheable = true;
        return (deliver);
    }
    set beresp.http.xkey = beresp.http.Surrogate-Key;
    # Kept as long as it may be used stale for either reason; which reason counts is decided when it is asked for.
    set beresp.http.X-While = regsub(beresp.http.CDN-Cache-Control, "^.*stale-while-revalidate=([0-9]+).*$", "\1s");
    set beresp.http.X-Error = regsub(beresp.http.CDN-Cache-Control, "^.*stale-if-error=([0-9]+).*$", "\1s");
    set beresp.grace = std.duration(beresp.http.X-While, 0s);
    if (std.duration(beresp.http.X-Error, 0s) > beresp.grace) {
        set beresp.grace = std.duration(beresp.http.X-Error, 0s);
    }
    set beresp.keep = 10m; # to ask with If-None-Match
    return (deliver);
}

sub vcl_backend_error {
    if (bereq.is_bgfetch) {
        return (abandon); # here too
    }
    # Kept, it would hide what may be served stale.
    set beresp.ttl = 0s;
    set beresp.grace = 0s;
}

sub vcl_hit {
    if (obj.ttl >= 0s || obj.ttl + std.duration(obj.http.X-While, 0s) > 0s) {
        return (deliver); # and it is fetched anew meanwhile, where it is stale
    }
    if (!std.healthy(req.backend_hint) || req.http.X-Failed) {
        return (deliver); # stale, because of an error
    }
    set req.http.X-Anew = "1";
    return (restart);
}

sub vcl_deliver {
    if (resp.status >= 500 && req.http.X-Anew && !req.http.X-Failed) {
        set req.http.X-Failed = "1";
        return (restart);
    }
    if (obj.hits > 0) {
        set resp.http.X-Status = "varnish; hit";
    } else {
        set resp.http.X-Status = "varnish; fwd=miss";
    }
    if (resp.http.Cache-Status) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", " + resp.http.X-Status;
    } else {
        set resp.http.Cache-Status = resp.http.X-Status;
    }
    # What is for caches ends here.
    unset resp.http.X-Status;
    unset resp.http.X-While;
    unset resp.http.X-Error;
    unset resp.http.xkey;
    unset resp.http.Surrogate-Key;
    unset resp.http.Cache-Tag;
    unset resp.http.CDN-Cache-Control;
    unset resp.http.X-Varnish;
    unset resp.http.Via;
    return (deliver);
}
