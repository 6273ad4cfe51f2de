import assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import { picture } from "../picture.mjs";
import { until } from "../waiting.mjs";

/** Every stream over one WebSocket: what is said near and far arrives where it should. */
export async function listen({ ann, bob, zoe, zoeAtAnns }) {
  const { v1 } = ann.rest;
  const list = await v1.lists.create({ title: "Heard" });
  await v1.lists.$select(list.id).accounts.create({ accountIds: [zoeAtAnns.id] });
  const streaming = ann.stream();
  const socket = await streaming.prepare();
  setMaxListeners(0, socket);
  const heard = gather(subscribe(streaming, list.id));
  await subscribed(heard, ann, zoe);
  const near = await withPicture(bob, "Near #cats");
  const far = await withPicture(zoe, "Far #cats");
  const everywhere = ["public", "publicMedia", "tag"];
  await hears(heard, near.uri, [...everywhere, "publicLocal", "publicLocalMedia", "tagLocal"]);
  const fromAfar = ["home", "list", "publicRemote", "publicRemoteMedia"];
  await hears(heard, far.uri, [...everywhere, ...fromAfar]);
  await tellsOfFavourites(heard, ann, bob);
  await changesArrive(heard.home, zoe, far);
  streaming.close();
  await v1.lists.$select(list.id).remove();
}

function subscribe(streaming, list) {
  return {
    home: streaming.user.subscribe(),
    told: streaming.user.notification.subscribe(),
    public: streaming.public.subscribe(),
    publicMedia: streaming.public.media.subscribe(),
    publicLocal: streaming.public.local.subscribe(),
    publicLocalMedia: streaming.public.local.media.subscribe(),
    publicRemote: streaming.public.remote.subscribe(),
    publicRemoteMedia: streaming.public.remote.media.subscribe(),
    tag: streaming.hashtag.subscribe({ tag: "cats" }),
    tagLocal: streaming.hashtag.local.subscribe({ tag: "cats" }),
    list: streaming.list.subscribe({ list }),
    direct: streaming.direct.subscribe(),
  };
}

/** Keep the events of each stream in an array of its own. */
function gather(streams) {
  const keep = async (stream, events) => {
    for await (const event of stream) events.push(event);
  };
  return Object.fromEntries(
    Object.entries(streams).map(([name, stream]) => {
      const events = [];
      keep(stream, events).catch((error) => {
        if (error.message !== "WebSocket closed") throw error;
      });
      return [name, events];
    }),
  );
}

/** The server says nothing to a subscription: the last one is there once it tells something. */
async function subscribed(heard, ann, zoe) {
  await until(async () => {
    await zoe.rest.v1.statuses.create({ status: `@${ann.acct} psst`, visibility: "direct" });
    return heard.direct.find((one) => one.event === "conversation");
  });
  assert.equal(heard.direct[0].payload.accounts[0].acct, zoe.acct);
}

async function withPicture({ rest }, status) {
  const made = await rest.v2.media.create({ file: picture(), skipPolling: true });
  return rest.v1.statuses.create({ status, mediaIds: [made.id] });
}

/** These streams tell of the post, and no other. */
async function hears(heard, uri, names) {
  const has = (events) => events.some((one) => one.event === "update" && one.payload.uri === uri);
  const telling = () => Object.keys(heard).filter((name) => has(heard[name]));
  await until(() => names.every((name) => has(heard[name])));
  assert.deepEqual(telling().toSorted(), names.toSorted());
}

async function tellsOfFavourites(heard, ann, bob) {
  const mine = await ann.rest.v1.statuses.create({ status: "Mine" });
  await bob.rest.v1.statuses.$select(mine.id).favourite();
  for (const events of [heard.home, heard.told]) {
    const told = await until(() =>
      events.find((one) => one.event === "notification" && one.payload.type === "favourite"),
    );
    assert.equal(told.payload.status.id, mine.id);
  }
  assert.ok(heard.told.every((one) => one.event === "notification"));
}

async function changesArrive(events, zoe, post) {
  const status = zoe.rest.v1.statuses.$select(post.id);
  const shown = events.find((one) => one.payload.uri === post.uri).payload;
  await status.update({ status: "Farther #cats", mediaIds: post.mediaAttachments.map((one) => one.id) });
  const changed = await until(() => events.find((one) => one.event === "status.update"));
  assert.match(changed.payload.content, /Farther/);
  await status.remove();
  await until(() => events.find((one) => one.event === "delete" && one.payload === shown.id));
}
