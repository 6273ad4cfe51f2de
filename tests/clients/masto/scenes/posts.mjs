import assert from "node:assert/strict";
import { until } from "../waiting.mjs";
import { picture } from "../picture.mjs";

/** Everything with one's own posts, each change seen on the other instance. */
export async function write(world) {
  const { ann, zoe } = world;
  const { v1 } = ann.rest;
  const post = await writeWithPictures(ann.rest);
  const there = await arrived(zoe, post.uri);
  assert.equal(there.mediaAttachments.length, 2);
  assert.deepEqual(there.mediaAttachments.map((one) => one.description), ["red", "an old one"]);
  const status = v1.statuses.$select(post.id);
  await status.update({ status: "Better", mediaIds: post.mediaAttachments.map((one) => one.id) });
  assert.equal((await status.source.fetch()).text, "Better");
  assert.deepEqual((await status.history.list()).map((one) => one.content).length, 2);
  const seen = zoe.rest.v1.statuses.$select(there.id);
  await until(async () => (await seen.fetch()).content.includes("Better"));
  for (const [act, undo, state] of [
    ["pin", "unpin", "pinned"],
    ["mute", "unmute", "muted"],
    ["bookmark", "unbookmark", "bookmarked"],
  ]) {
    assert.equal((await status[act]())[state], true);
    if (act === "bookmark") assert.equal((await v1.bookmarks.list())[0].id, post.id);
    assert.equal((await status[undo]())[state], false);
  }
  assert.equal((await v1.statuses.fetch({ id: [post.id] }))[0].id, post.id);
  await quoteAndDelete(world, post);
  await planAhead(v1);
  await askThem(world);
}

async function writeWithPictures({ v1, v2 }) {
  const made = await v2.media.create({ file: picture(), description: "a point" });
  assert.equal(made.type, "image");
  assert.equal((await v1.media.$select(made.id).update({ description: "red" })).description, "red");
  assert.equal((await v1.media.$select(made.id).fetch()).description, "red");
  const old = await v1.media.create(
    { file: picture("blue"), description: "an old one" },
    { encoding: "multipart-form" },
  );
  return v1.statuses.create({ status: "With pictures", mediaIds: [made.id, old.id] });
}

/** Zoe quotes Ann; Ann sees it; Zoe deletes hers. */
async function quoteAndDelete({ ann, zoe }, post) {
  const theirs = await arrived(zoe, post.uri);
  const quote = await zoe.rest.v1.statuses.create({
    status: "Look at this",
    quotedStatusId: theirs.id,
  });
  const quotes = ann.rest.v1.statuses.$select(post.id).quotes;
  const [shown] = await until(async () => {
    const list = await quotes.list();
    return list.length > 0 && list;
  });
  assert.equal(shown.uri, quote.uri);
  assert.match((await zoe.rest.v1.statuses.$select(quote.id).remove()).text, /Look at this/);
  await until(async () => (await quotes.list()).length === 0);
}

async function planAhead(v1) {
  const inHours = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const planned = await v1.statuses.create({ status: "Later", scheduledAt: inHours(2) });
  assert.deepEqual((await v1.scheduledStatuses.list()).map((one) => one.id), [planned.id]);
  const one = v1.scheduledStatuses.$select(planned.id);
  const later = inHours(3);
  assert.equal((await one.update({ scheduledAt: later })).scheduledAt, later);
  assert.equal((await one.fetch()).params.text, "Later");
  await one.remove();
  assert.deepEqual(await v1.scheduledStatuses.list(), []);
}

/** Zoe votes in Ann's poll, from her own instance. */
async function askThem({ ann, zoe }) {
  const poll = { options: ["yes", "no"], expiresIn: 600 };
  const asked = await ann.rest.v1.statuses.create({ status: "Well?", poll });
  const there = await arrived(zoe, asked.uri);
  const voted = await zoe.rest.v1.polls.$select(there.poll.id).votes.create({ choices: [1] });
  assert.deepEqual([voted.voted, voted.ownVotes], [true, [1]]);
  const count = async () => (await ann.rest.v1.polls.$select(asked.poll.id).fetch()).options;
  await until(async () => (await count())[1].votesCount === 1);
  assert.equal((await count())[0].votesCount, 0);
}

/** Give a post as the other instance shows it in the home timeline. */
export async function arrived({ rest }, uri) {
  return until(async () => (await rest.v1.timelines.home.list()).find((one) => one.uri === uri));
}

/** Timelines to their ends, forwards and backwards, with the library's iterators. */
export async function leafThrough({ ann }) {
  const { v1, v2 } = ann.rest;
  const made = [];
  for (let number = 0; number < 5; number += 1) {
    made.push((await v1.statuses.create({ status: `Number ${number} #counting` })).id);
  }
  const pages = [];
  for await (const page of v1.timelines.tag.$select("counting").list({ limit: 2 })) {
    pages.push(page.map((one) => one.id));
  }
  assert.deepEqual(pages.flat(), made.toReversed());
  assert.deepEqual(pages.slice(0, 3).map((page) => page.length), [2, 2, 1]);
  const back = v1.timelines.tag.$select("counting").list({ limit: 2, minId: made[0] });
  const newer = [];
  for await (const page of back.setDirection("prev")) {
    if (page.length === 0) break;
    newer.push(...page.map((one) => one.id).toReversed());
  }
  assert.deepEqual(newer, made.slice(1));
  const local = await v1.timelines.public.list({ local: true });
  assert.ok(local.some((one) => one.id === made[4]));
  const own = await v1.timelines.home.list({ limit: 1 });
  assert.equal(own[0].id, made[4]);
  const found = await v2.search.list({ q: "counting", type: "hashtags" });
  assert.deepEqual(found.hashtags.map((one) => one.name), ["counting"]);
}

/** Both generations of filters. */
export async function filterOut({ ann, zoe }) {
  const { v1, v2 } = ann.rest;
  const post = await zoe.rest.v1.statuses.create({ status: "About spiders" });
  const shown = await arrived(ann, post.uri);
  assert.deepEqual(shown.filtered, []);
  const made = await v2.filters.create({ title: "Legs", context: ["home"], filterAction: "warn" });
  const filter = v2.filters.$select(made.id);
  const word = await filter.keywords.create({ keyword: "spiders" });
  assert.deepEqual((await filter.keywords.list()).map((one) => one.id), [word.id]);
  const [match] = (await v1.statuses.$select(shown.id).fetch()).filtered;
  assert.deepEqual(match.keywordMatches, ["spiders"]);
  const keyword = v2.filters.keywords.$select(word.id);
  assert.equal((await keyword.update({ keyword: "spider" })).keyword, "spider");
  assert.equal((await keyword.fetch()).keyword, "spider");
  await keyword.remove();
  const one = await filter.statuses.create({ statusId: shown.id });
  assert.deepEqual((await filter.statuses.list()).map((each) => each.id), [one.id]);
  assert.equal((await v2.filters.statuses.$select(one.id).fetch()).statusId, shown.id);
  await v2.filters.statuses.$select(one.id).remove();
  assert.equal((await filter.update({ title: "Eight legs" })).title, "Eight legs");
  assert.equal((await filter.fetch()).title, "Eight legs");
  assert.equal((await v2.filters.list()).length, 1);
  await filter.remove();
  const old = await v1.filters.create({ phrase: "snakes", context: ["home"] });
  const first = v1.filters.$select(old.id);
  assert.equal((await first.fetch()).phrase, "snakes");
  assert.equal((await first.update({ phrase: "snake", context: ["home"] })).phrase, "snake");
  await first.remove();
  assert.deepEqual(await v1.filters.list(), []);
}

/** Ann answers Zoe, and Zoe sees each sign of it come and go. */
export async function react({ ann, zoe }) {
  const hers = await zoe.rest.v1.statuses.create({ status: `Hello @${ann.acct} #morning` });
  const here = await arrived(ann, hers.uri);
  const status = ann.rest.v1.statuses.$select(here.id);
  const at = zoe.rest.v1.statuses.$select(hers.id);
  const reply = await ann.rest.v1.statuses.create({
    status: `@${zoe.acct} Good day`,
    inReplyToId: here.id,
  });
  await until(async () => (await at.context.fetch()).descendants[0]?.uri === reply.uri);
  assert.equal((await status.favourite()).favourited, true);
  assert.equal((await ann.rest.v1.favourites.list())[0].id, here.id);
  const names = async (list) => (await list.list()).map((one) => one.acct);
  await until(async () => (await names(at.favouritedBy))[0] === ann.acct);
  assert.equal((await status.reblog()).reblog.id, here.id);
  await until(async () => (await names(at.rebloggedBy))[0] === ann.acct);
  assert.equal((await status.unfavourite()).favourited, false);
  assert.equal((await status.unreblog()).reblogged, false);
  await until(async () => (await names(at.favouritedBy)).length === 0);
  await until(async () => (await names(at.rebloggedBy)).length === 0);
  const [own] = await ann.rest.v1.accounts.$select(ann.id).statuses.list({ limit: 1 });
  assert.equal(own.id, reply.id);
}
