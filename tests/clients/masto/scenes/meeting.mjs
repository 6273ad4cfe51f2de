import assert from "node:assert/strict";
import { until } from "../waiting.mjs";

/** Each finds the other by name, over the network. */
export async function meet(world) {
  const { ann, bob, zoe } = world;
  world.zoeAtAnns = await find(ann, zoe.acct);
  world.annAtZoes = await find(zoe, ann.acct);
  const me = await ann.rest.v1.accounts.verifyCredentials();
  world.ann.id = me.id;
  world.bob.id = (await bob.rest.v1.accounts.verifyCredentials()).id;
  assert.equal(me.acct, "ann");
  const seen = await ann.rest.v1.accounts.lookup({ acct: zoe.acct });
  assert.equal(seen.id, world.zoeAtAnns.id);
  const listed = await ann.rest.v1.accounts.search.list({ q: "zoe" });
  assert.deepEqual(listed.map((one) => one.acct), [zoe.acct]);
  const [both] = await ann.rest.v1.accounts.fetch({ id: [seen.id] });
  assert.equal(both.acct, (await ann.rest.v1.accounts.$select(seen.id).fetch()).acct);
}

async function find({ rest }, acct) {
  const found = await rest.v2.search.list({ q: acct, resolve: true, type: "accounts" });
  assert.equal(found.accounts[0].acct, acct);
  return found.accounts[0];
}

/** Zoe lets Ann in; Ann turns Zoe away, and then thinks better of it. */
export async function befriend(world) {
  const { ann, zoe } = world;
  await zoe.rest.v1.accounts.updateCredentials({ locked: true });
  await ann.rest.v1.accounts.$select(world.zoeAtAnns.id).follow();
  const asked = await until(async () => (await zoe.rest.v1.followRequests.list())[0]);
  assert.equal(asked.acct, ann.acct);
  const allowed = await zoe.rest.v1.followRequests.$select(asked.id).authorize();
  assert.equal(allowed.followedBy, true);
  await until(async () => (await relation(ann, world.zoeAtAnns.id)).following);
  await ann.rest.v1.accounts.updateCredentials({ locked: true });
  await zoe.rest.v1.accounts.$select(world.annAtZoes.id).follow();
  const knock = await until(async () => (await ann.rest.v1.followRequests.list())[0]);
  await ann.rest.v1.followRequests.$select(knock.id).reject();
  await until(async () => !(await relation(zoe, world.annAtZoes.id)).requested);
  await ann.rest.v1.accounts.updateCredentials({ locked: false });
  await zoe.rest.v1.accounts.$select(world.annAtZoes.id).follow();
  await until(async () => (await relation(zoe, world.annAtZoes.id)).following);
}

export async function relation({ rest }, id) {
  const [one] = await rest.v1.accounts.relationships.fetch({ id: [id] });
  return one;
}
