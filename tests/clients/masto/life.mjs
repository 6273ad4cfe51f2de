// A long life of two users on two instances, and of a neighbour, with masto.js.
// Standard input: {ann, bob, zoe: {url, token, acct}, more}. Standard output, at the end: what the
// library can call, and what was called and answered.
import { createOAuthAPIClient, createRestAPIClient, createStreamingAPIClient } from "masto";
import { text } from "node:stream/consumers";
import { library, recorded } from "./methods.mjs";
import { beTold, decide } from "./scenes/notifications.mjs";
import { beginApplication, fail, lookAround } from "./scenes/instance.mjs";
import { dress, organise, relate } from "./scenes/people.mjs";
import { filterOut, leafThrough, react, write } from "./scenes/posts.mjs";
import { befriend, meet } from "./scenes/meeting.mjs";
import { listen } from "./scenes/streams.mjs";

const given = JSON.parse(await text(process.stdin));
const called = new Set();
const world = { given };
for (const name of ["ann", "bob", "zoe"]) world[name] = open(given[name]);

function open({ url, token, acct }) {
  const rest = createRestAPIClient({ url, accessToken: token });
  const oauth = createOAuthAPIClient({ url });
  return {
    acct,
    rest: recorded(rest, called, ["rest"]),
    oauth: recorded(oauth, called, ["oauth"]),
    withToken: (accessToken) =>
      recorded(createRestAPIClient({ url, accessToken }), called, ["rest"]),
    stream: () => {
      const streamingApiUrl = url.replace("http", "ws");
      const streaming = createStreamingAPIClient({ streamingApiUrl, accessToken: token });
      return recorded(streaming, called, ["streaming"]);
    },
  };
}

const scenes = [
  meet, befriend, lookAround, beginApplication, dress, write, leafThrough, filterOut, react,
  organise, listen, beTold, decide, relate, fail,
];
for (const scene of scenes) {
  try {
    await scene(world);
  } catch (error) {
    console.error(`In ${scene.name}:`, error);
    process.exit(1);
  }
}
console.log(JSON.stringify({ library: library(), called: [...called].sort() }));
process.exit(0);
