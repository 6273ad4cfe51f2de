import assert from "node:assert/strict";
import { until } from "../waiting.mjs";
import { picture } from "../picture.mjs";

/** How Ann looks, and how that is seen from afar. */
export async function dress(world) {
  const { ann, zoe, annAtZoes } = world;
  const { v1 } = ann.rest;
  const fields = [{ name: "Site", value: "https://ann.example" }];
  const changed = await v1.accounts.updateCredentials({
    displayName: "Ann",
    avatar: picture(),
    header: picture(),
    fieldsAttributes: fields,
    source: { privacy: "unlisted", language: "en" },
  });
  assert.equal(changed.displayName, "Ann");
  assert.ok(!changed.avatar.includes("missing"));
  assert.equal(changed.fields[0].name, "Site");
  assert.equal((await v1.preferences.fetch())["posting:default:visibility"], "unlisted");
  await v1.accounts.updateCredentials({ source: { privacy: "public" } });
  const seen = zoe.rest.v1.accounts.$select(annAtZoes.id);
  await until(async () => (await seen.fetch()).displayName === "Ann");
  assert.ok((await v1.profile.avatar.remove()).avatar.includes("missing"));
  assert.ok((await v1.profile.header.remove()).header.includes("missing"));
  assert.equal((await v1.profile.update({ note: "I fly kites" })).displayName, "Ann");
  assert.match((await v1.profile.fetch()).note, /kites/);
  await until(async () => (await seen.fetch()).note.includes("kites"));
}

/** Lists, markers, domains, push, tags on the profile, a past year. */
export async function organise({ ann, zoe, zoeAtAnns }) {
  const { v1, v2 } = ann.rest;
  await keepList(v1, zoeAtAnns.id, zoe.acct);
  const [first] = await v1.timelines.home.list({ limit: 1 });
  await v1.markers.create({ home: { lastReadId: first.id } });
  assert.equal((await v1.markers.fetch({ timeline: ["home"] })).home.lastReadId, first.id);
  await v1.domainBlocks.create({ domain: "bad.example" });
  assert.deepEqual(await v1.domainBlocks.list(), ["bad.example"]);
  await v1.domainBlocks.remove({ domain: "bad.example" });
  assert.deepEqual(await v1.domainBlocks.list(), []);
  await subscribeToPush(v1.push.subscription);
  await featureTags(v1, ann.id);
  assert.ok(Array.isArray(await v1.suggestions.list()));
  assert.ok(Array.isArray(await v2.suggestions.list()));
  await v1.suggestions.$select(zoeAtAnns.id).remove();
  assert.ok(Array.isArray((await v1.annualReports.list()).annualReports));
  const { state } = await v1.annualReports.$select("2025").state.fetch();
  assert.ok(["available", "generating", "eligible", "ineligible"].includes(state));
}

async function keepList(v1, friend, acct) {
  const made = await v1.lists.create({ title: "Friends" });
  const list = v1.lists.$select(made.id);
  await list.accounts.create({ accountIds: [friend] });
  assert.deepEqual((await list.accounts.list()).map((one) => one.acct), [acct]);
  assert.deepEqual((await v1.accounts.$select(friend).lists.list()).map((one) => one.id), [made.id]);
  const posts = await v1.timelines.list.$select(made.id).list();
  assert.ok(posts.length > 0 && posts.every((one) => one.account.id === friend));
  assert.equal((await list.update({ title: "Close" })).title, "Close");
  assert.equal((await list.fetch()).title, "Close");
  await list.accounts.remove({ accountIds: [friend] });
  assert.deepEqual(await list.accounts.list(), []);
  await list.remove();
  assert.deepEqual(await v1.lists.list(), []);
}

async function subscribeToPush(subscription) {
  const keys = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, [
    "deriveBits",
  ]);
  const point = await crypto.subtle.exportKey("raw", keys.publicKey);
  const made = await subscription.create({
    subscription: {
      endpoint: "https://push.example/1",
      keys: {
        p256dh: Buffer.from(point).toString("base64url"),
        auth: Buffer.alloc(16, 1).toString("base64url"),
      },
    },
    data: { alerts: { mention: true } },
    policy: "all",
  });
  assert.equal(made.alerts.mention, true);
  const changed = await subscription.update({ data: { alerts: { follow: true } } });
  assert.deepEqual([changed.alerts.follow, changed.alerts.mention], [true, false]);
  assert.equal((await subscription.fetch()).endpoint, "https://push.example/1");
  await subscription.remove();
}

async function featureTags(v1, me) {
  const tag = v1.tags.$select("counting");
  assert.equal((await tag.fetch()).name, "counting");
  assert.equal((await tag.follow()).following, true);
  assert.deepEqual((await v1.followedTags.list()).map((one) => one.name), ["counting"]);
  assert.equal((await tag.unfollow()).following, false);
  assert.equal((await tag.feature()).featuring, true);
  assert.equal((await tag.unfeature()).featuring, false);
  assert.ok((await v1.featuredTags.suggestions.list()).some((one) => one.name === "counting"));
  const featured = await v1.featuredTags.create({ name: "counting" });
  assert.deepEqual((await v1.featuredTags.list()).map((one) => one.id), [featured.id]);
  const shown = await v1.accounts.$select(me).featuredTags.list();
  assert.deepEqual(shown.map((one) => one.name), ["counting"]);
  await v1.featuredTags.$select(featured.id).remove();
  assert.deepEqual(await v1.featuredTags.list(), []);
}

/** Everything that can be between two people, to the bitter end. */
export async function relate(world) {
  const { ann, bob, zoe, annAtZoes, zoeAtAnns } = world;
  const { v1 } = ann.rest;
  const her = v1.accounts.$select(zoeAtAnns.id);
  const me = v1.accounts.$select(ann.id);
  assert.deepEqual((await me.following.list()).map((one) => one.acct), [zoe.acct]);
  assert.deepEqual((await me.followers.list()).map((one) => one.acct), [zoe.acct]);
  assert.equal((await her.statuses.list({ limit: 1 }))[0].account.acct, zoe.acct);
  assert.deepEqual(await her.identityProofs.list(), []);
  // Its types want the bare array, of which it makes `?0=…`: no server would understand that.
  const [familiar] = await v1.accounts.familiarFollowers.fetch({ id: [zoeAtAnns.id] });
  assert.equal(familiar.id, zoeAtAnns.id);
  for (const [feature, stop] of [["endorse", "unendorse"], ["pin", "unpin"]]) {
    assert.equal((await her[feature]()).endorsed, true);
    assert.deepEqual((await v1.endorsements.list()).map((one) => one.acct), [zoe.acct]);
    assert.deepEqual((await me.endorsements.list()).map((one) => one.acct), [zoe.acct]);
    assert.equal((await her[stop]()).endorsed, false);
  }
  assert.equal((await her.note.create({ comment: "met in May" })).note, "met in May");
  await collect(ann, bob, me);
  const report = await v1.reports.create({ accountId: zoeAtAnns.id, comment: "Only a test" });
  assert.equal(report.targetAccount.acct, zoe.acct);
  assert.equal((await her.mute({ duration: 600 })).muting, true);
  assert.deepEqual((await v1.mutes.list()).map((one) => one.acct), [zoe.acct]);
  assert.equal((await her.unmute()).muting, false);
  assert.equal((await her.removeFromFollowers()).followedBy, false);
  const ours = () => zoe.rest.v1.accounts.relationships.fetch({ id: [annAtZoes.id] });
  await until(async () => !(await ours())[0].following);
  assert.equal((await her.unfollow()).following, false);
  await until(async () => !(await ours())[0].followedBy);
  assert.equal((await her.block()).blocking, true);
  assert.deepEqual((await v1.blocks.list()).map((one) => one.acct), [zoe.acct]);
  await until(async () => (await ours())[0].blockedBy);
  assert.equal((await her.unblock()).blocking, false);
  await until(async () => !(await ours())[0].blockedBy);
}

/** Bob is put into a collection of Ann's, taken out, put in again, and goes himself. */
async function collect(ann, bob, me) {
  const { v1 } = ann.rest;
  await bob.rest.v1.accounts.updateCredentials({ discoverable: true });
  const { collection } = await v1.collections.create({ name: "Good people", description: "" });
  const kept = v1.collections.$select(collection.id);
  const held = async () => (await kept.fetch()).collection.items.map((one) => one.accountId);
  const first = await kept.items.create({ accountId: bob.id });
  assert.deepEqual(await held(), [bob.id]);
  await kept.items.$select(first.collectionItem.id).remove();
  assert.deepEqual(await held(), []);
  const second = await kept.items.create({ accountId: bob.id });
  const withBob = await bob.rest.v1.accounts.$select(bob.id).inCollections.list();
  assert.deepEqual(withBob.collections.map((one) => one.id), [collection.id]);
  const his = bob.rest.v1.collections.$select(collection.id).items;
  await his.$select(second.collectionItem.id).revoke();
  assert.deepEqual((await held()).filter(Boolean), []);
  assert.equal((await kept.update({ name: "Better" })).collection.name, "Better");
  assert.deepEqual((await me.collections.list()).collections.map((one) => one.name), ["Better"]);
  await kept.remove();
  assert.deepEqual((await me.collections.list()).collections, []);
}
