"""What tells a web host how to serve the copy: rules for Apache, nginx, Caddy and the like of
Netlify, and a server of 40 lines. A host that follows no rules serves pages, feeds and media."""

from collections.abc import Mapping, Sequence
from importlib.resources import files

_README = """This is a copy of everything public at {base}, made by `fedserver export-static`.

Put all of it into the root of a web host that answers for {domain}, with TLS for that name.

  Apache            nothing to do: the .htaccess files are read (AllowOverride All, mod_rewrite)
  nginx             hosting/nginx.conf
  Caddy             hosting/Caddyfile
  Netlify and like  nothing to do: _redirects and _headers
  Python alone      python3 hosting/serve.py 8080
  anything else     pages, feeds and media work. For other servers to find people and posts, it
                    has to follow the rules in one of these files.

manifest.sha256 has the SHA-256 of every file (sha256sum -c manifest.sha256); manifest.json is the
instance's signature of it.
"""

# Who is meant by ?resource=: acct:name@…, …/users/name or …/@name, percent-encoded or not.
_WHO = (
    r"(?:^|&)resource=.*?(?:acct(?::|%3A)|(?:/|%2F)users(?:/|%2F)|(?:/|%2F)(?:@|%40))"
    r"([a-zA-Z0-9_.-]+?)(?:@|%40|/|%2F|&|$)"
)
_HTACCESS = rf"""Options -Indexes
DirectoryIndex index.html
AddType application/atom+xml .atom
<Files "actor.json">
    ForceType application/activity+json
</Files>
<Files "nodeinfo">
    ForceType application/json
</Files>
<Files "host-meta">
    ForceType application/xrd+xml
</Files>
<Files "webfinger">
    ForceType application/jrd+json
</Files>
<Files ".fedserver-export.jsonl">
    Require all denied
</Files>
RewriteEngine On
RewriteCond %{{QUERY_STRING}} {_WHO} [NC]
RewriteRule ^\.well-known/webfinger$ webfinger/%1.json [L]
RewriteRule ^\.well-known/webfinger$ - [R=404,L]
RewriteRule ^(actor|nodeinfo/2\.[01])$ $1.json [L]
RewriteCond %{{HTTP_ACCEPT}} (activity|ld)\+json
RewriteRule ^@([^/]+)/([0-9]+)/?$ users/$1/statuses/$2.json [L]
RewriteCond %{{HTTP_ACCEPT}} (activity|ld)\+json
RewriteRule ^@([^/]+)/?$ users/$1.json [L]
RewriteCond %{{HTTP_ACCEPT}} !(activity|ld)\+json
RewriteCond %{{HTTP_ACCEPT}} text/html
RewriteRule ^users/([^/]+)/statuses/([0-9]+)$ /@$1/$2/ [R=302,L]
RewriteCond %{{HTTP_ACCEPT}} !(activity|ld)\+json
RewriteCond %{{HTTP_ACCEPT}} text/html
RewriteRule ^users/([^/.]+)$ /@$1/ [R=302,L]
RewriteCond %{{REQUEST_URI}} !\.json$
RewriteRule ^users/(.+)$ users/$1.json [L]
"""
_NGINX = rf"""# Inside http {{ }}. Set root, and add listen and certificates.
map $http_accept $fedserver_wants {{
    default page;
    "~*(activity|ld)\+json" activity;
}}
server {{
    server_name DOMAIN;
    root /srv/DOMAIN;
    index index.html;
    location = /.well-known/webfinger {{
        types {{ }}
        default_type application/jrd+json;
        add_header Access-Control-Allow-Origin *;
        if ($args ~* "{_WHO}") {{
            set $who $1;
            rewrite ^ /webfinger/$who.json break;
        }}
        return 404;
    }}
    location = /.well-known/host-meta {{ types {{ }} default_type application/xrd+xml; }}
    location = /.well-known/nodeinfo {{ types {{ }} default_type application/json; }}
    location /nodeinfo/ {{ try_files $uri.json =404; }}
    location = /.fedserver-export.jsonl {{ return 404; }}
    location = /actor {{
        types {{ }}
        default_type application/activity+json;
        try_files /actor.json =404;
    }}
    location /users/ {{
        types {{ }}
        default_type application/activity+json;
        set $asked $fedserver_wants$http_accept;
        if ($asked ~* "^page.*text/html") {{
            rewrite ^/users/([^/]+)/statuses/(\d+)$ /@$1/$2/ redirect;
            rewrite ^/users/([^/]+)$ /@$1/ redirect;
        }}
        try_files $uri.json =404;
    }}
    location /@ {{
        types {{ text/html html; application/atom+xml atom; }}
        if ($fedserver_wants = activity) {{
            rewrite ^/@([^/]+)/(\d+)/?$ /users/$1/statuses/$2 last;
            rewrite ^/@([^/.]+)/?$ /users/$1 last;
        }}
        try_files $uri $uri/index.html =404;
    }}
}}
"""
_CADDY = r"""DOMAIN {
    root * /srv/DOMAIN
    @webfinger {
        path /.well-known/webfinger
        vars_regexp who {query.resource} (?i)(?:acct:|/users/|/@)([a-z0-9_.-]+?)(?:@|/|$)
    }
    @activity header_regexp Accept (activity|ld)\+json
    @post {
        header_regexp Accept (activity|ld)\+json
        path_regexp post ^/@([^/]+)/(\d+)/?$
    }
    @person {
        header_regexp Accept (activity|ld)\+json
        path_regexp person ^/@([^/.]+)/?$
    }
    @documents path /users/* /actor
    route {
        respond /.fedserver-export.jsonl 404
        header @webfinger Content-Type application/jrd+json
        rewrite @webfinger /webfinger/{re.who.1}.json
        header /.well-known/host-meta Content-Type application/xrd+xml
        header /.well-known/nodeinfo Content-Type application/json
        rewrite @post /users/{re.post.1}/statuses/{re.post.2}
        rewrite @person /users/{re.person.1}
        header @documents Content-Type application/activity+json
        rewrite @documents {path}.json
        @nodeinfo path /nodeinfo/2.0 /nodeinfo/2.1
        rewrite @nodeinfo {path}.json
        file_server
    }
}
"""
_REDIRECTS = """/actor /actor.json 200
/nodeinfo/2.0 /nodeinfo/2.0.json 200
/nodeinfo/2.1 /nodeinfo/2.1.json 200
/users/* /users/:splat.json 200
"""
_HEADERS = """/users/*
  Content-Type: application/activity+json; charset=utf-8
/actor
  Content-Type: application/activity+json; charset=utf-8
/webfinger/*
  Content-Type: application/jrd+json
/.well-known/webfinger
  Content-Type: application/jrd+json
/.well-known/host-meta
  Content-Type: application/xrd+xml
/.well-known/nodeinfo
  Content-Type: application/json
/*.atom
  Content-Type: application/atom+xml
"""


def hosting_files(base_url: str, domain: str, names: Sequence[str]) -> Mapping[str, bytes]:
    """Give the files that hosts read, and those for their admins, by path."""
    own_server = files(__package__) / "serve.py"
    texts = {
        ".htaccess": _HTACCESS,
        "users/.htaccess": "ForceType application/activity+json\nDirectorySlash Off\n",
        "webfinger/.htaccess": "ForceType application/jrd+json\n",
        "_redirects": _webfinger_lines(domain, names) + _REDIRECTS,
        "_headers": _HEADERS,
        "hosting/README.txt": _README.format(base=base_url, domain=domain),
        "hosting/nginx.conf": _NGINX.replace("DOMAIN", domain),
        "hosting/Caddyfile": _CADDY.replace("DOMAIN", domain),
        "hosting/serve.py": own_server.read_text("utf-8"),
    }
    return {path: text.encode() for path, text in texts.items()}


def _webfinger_lines(domain: str, names: Sequence[str]) -> str:
    return "".join(
        f"/.well-known/webfinger resource=acct:{name}@{domain} /webfinger/{name.lower()}.json 200\n"
        for name in names
    )
