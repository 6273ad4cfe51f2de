// Keeps the shell of this place and the signed list of its other addresses, so that somebody who
// comes while it cannot be reached is told where else it is.
"use strict";

const CACHE = "fedserver-shell";
const LIST = {{ list_path|tojson }};
const OFFLINE = "/offline";
const SHELL = {{ shell|tojson }};
const RENEW_AFTER_MS = 60 * 60 * 1000;
// What a reverse proxy says when nobody is behind it.
const NOBODY_THERE = [502, 504];
let renewedAt = 0;

self.addEventListener("install", (event) => {
  event.waitUntil(renew().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (event.request.mode === "navigate") {
    event.respondWith(navigate(event));
  } else if (SHELL.includes(url.pathname + url.search)) {
    event.respondWith(fetch(event.request).catch(() => kept(url.pathname + url.search)));
  }
});

async function navigate(event) {
  try {
    const answer = await fetch(event.request);
    if (!NOBODY_THERE.includes(answer.status)) {
      event.waitUntil(renewNowAndThen());
      return answer;
    }
  } catch (error) {
    // Not reached: below.
  }
  return kept((await hasDoors()) ? OFFLINE : "/");
}

async function renewNowAndThen() {
  if (Date.now() - renewedAt > RENEW_AFTER_MS) await renew().catch(() => {});
}

async function renew() {
  const cache = await caches.open(CACHE);
  await Promise.all([LIST, ...SHELL].map(async (path) => {
    // Nobody's own page is kept: they are asked for without cookies.
    const answer = await fetch(path, { cache: "no-cache", credentials: "omit" });
    if (answer.ok) await cache.put(path, answer);
    else await cache.delete(path);
  }));
  renewedAt = Date.now();
}

async function kept(path) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) || Response.error();
}

async function hasDoors() {
  const cache = await caches.open(CACHE);
  const answer = await cache.match(LIST);
  if (!answer) return false;
  const { statement } = await answer.json();
  // An address that was given up may be somebody else's by now.
  return statement.alternates.length > 0 && Date.parse(statement.expires) > Date.now();
}
