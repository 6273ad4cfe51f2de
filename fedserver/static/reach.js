// Lets the browser keep what it needs to find this place when it cannot be reached here. Without
// this file everything else works.
"use strict";

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/service-worker.js").catch(() => {});
}
